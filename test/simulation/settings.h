// Settings: what kind of a day it is, and how halfdoor is configured on it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "simulation/dice.h"
#include "simulation/schedule.h"

namespace halfdoor {

struct Settings {
  int workers = 2;
  uint64_t connections_per_worker = 1000;
  Micros chaos = 10 * kSecond;
  Micros client_every = 40 * kMs;
  Micros command_every = 1 * kSecond;
  Micros trouble_every = 2 * kSecond;
  Micros disk_trouble_every = 0;  // 0: never
  Micros kill_every = 0;
  Micros stop_every = 0;
  bool has_stalls = false;
  bool has_hostile_clients = false;
  bool hosts_lie = false;
  bool sides_fail = false;  // whole sides go down and come back, and operators mostly look on
  bool clock_jumps = false;
};

Settings make_settings(Dice& dice);
// `folder`: for the state on disk.
std::shared_ptr<const Config> make_config(Dice& dice, const Settings& settings, const std::string& folder);

}  // namespace halfdoor
