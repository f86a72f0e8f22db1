// Asks the caught_up URL of the primary, off the control thread, by libcurl.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/text.h"
#include "config/config.h"
#include "config/server_addresses.h"
#include "failover/guards.h"

namespace halfdoor {

struct PrimaryQuestion {
  struct Server {
    std::string name;       // as written
    AddressList addresses;  // tried in turn; empty: its name is not resolved
  };
  std::vector<Server> servers;  // asked in this order; the first that answers decides
  std::string host;             // for the Host field; empty: the server's own
  std::string path;
  Milliseconds patience{5'000};  // for all of them together
};

PrimaryQuestion caught_up_question(const ServiceConfig& service, size_t index, const ServerAddresses& addresses);

// Blocks, at most for `patience`. 2xx is yes; redirects are not followed.
CaughtUpAnswer ask_primary(const PrimaryQuestion& question);

}  // namespace halfdoor
