// ServerAddresses: where each server of a configuration is reached. Immutable once published as part of a snapshot.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/address.h"
#include "config/config.h"
#include "config/mode.h"

namespace halfdoor {

// The addresses of one server, none twice, in the order in which they are tried. Empty: its name is not resolved.
using AddressList = std::vector<Address>;

// A copy shares the lists, so that the next one is made cheaply.
class ServerAddresses {
 public:
  // What the configuration says by itself: servers that are given by name have no address yet.
  explicit ServerAddresses(const Config& config);

  const AddressList& of(size_t service, Side side, size_t server) const {
    return *services_[service][index_of(side)][server];
  }
  // Before it is published.
  void set(size_t service, Side side, size_t server, AddressList addresses);

 private:
  using Servers = std::vector<std::shared_ptr<const AddressList>>;
  std::vector<std::array<Servers, 2>> services_;  // by service, side, server
};

}  // namespace halfdoor
