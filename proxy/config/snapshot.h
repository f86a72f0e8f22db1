// Snapshot: configuration, modes, addresses of servers and a generation number. Immutable; the one thing that all
// workers share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/host_table.h"
#include "config/mode.h"
#include "config/server_addresses.h"

namespace halfdoor {

// The mode of one service and how it came about.
struct ServiceState {
  Mode mode = Mode::primary;
  uint64_t epoch = 1;     // counts mode changes, from 1
  WallTime since{};       // when the mode was entered
  WallTime side_since{};  // when the side was entered
  std::string actor;
  std::string reason;
  std::optional<WallTime> until;
  bool diverged = false;     // promoted: the primary lacks data
  bool acknowledged = true;  // false: an automatic change that no operator has looked at
  std::string mode_field;    // value of Halfdoor-Mode: "backup-readonly; epoch=8"

  bool operator==(const ServiceState&) const = default;
};

// The value of Halfdoor-Mode for a state.
std::string make_mode_field(Mode mode, uint64_t epoch);

// A configuration with what is derived from it once.
struct ConfigGeneration {
  explicit ConfigGeneration(std::shared_ptr<const Config> made_from) : config(std::move(made_from)), hosts(*config) {}

  std::shared_ptr<const Config> config;
  HostTable hosts;
};

struct Snapshot {
  uint64_t generation = 0;  // grows with every publication
  std::shared_ptr<const ConfigGeneration> base;
  std::vector<ServiceState> states;  // by index into Config::services
  std::shared_ptr<const ServerAddresses> addresses;

  const Config& config() const { return *base->config; }
};

}  // namespace halfdoor
