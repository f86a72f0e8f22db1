// NameAnswer: what became of the question for the addresses of a name. Plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "config/server_addresses.h"

namespace halfdoor {

// IPv4 or IPv6.
struct FamilyAnswer {
  enum class Kind : uint8_t {
    addresses,
    none,    // the name does not exist, or has none of this family
    failed,  // nobody answered, or nothing that makes sense
  };
  Kind kind = Kind::failed;
  AddressList addresses;  // ports are 0
  std::string error;      // where there are none: why
};

struct NameAnswer {
  FamilyAnswer ipv4;
  FamilyAnswer ipv6;
  std::optional<std::chrono::seconds> ttl;  // null: it has none, as in /etc/hosts
  bool ipv6_first = false;                  // this machine has a route there
};

class NameSource {
 public:
  using Done = std::function<void(const NameAnswer&)>;
  virtual ~NameSource() = default;
  // `done` is called once, within seconds, never before this returns.
  virtual void ask(const std::string& host, Done done) = 0;
};

}  // namespace halfdoor
