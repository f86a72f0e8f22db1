// SimulationContext: what all actors of one simulation share.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/snapshot.h"
#include "simulation/checker.h"
#include "simulation/dice.h"
#include "simulation/history.h"
#include "simulation/schedule.h"
#include "simulation/sim_disk.h"
#include "simulation/story.h"

namespace halfdoor {

class SimulatedHost;
class SimulatedProcess;

// What kind of a day it is.
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
  bool clock_jumps = false;
};

struct SimulationContext {
  Schedule& schedule;
  Dice& dice;
  Story& story;
  History& history;
  Checker& checker;
  Settings settings;
  std::shared_ptr<const Config> config;
  SimulatedDisk* disk = nullptr;
  std::vector<std::unique_ptr<SimulatedHost>> hosts;
  SimulatedProcess* process = nullptr;  // the one that lives; null: none
  int64_t wall_offset_ms = 0;           // clocks jump
  bool is_calm = false;                 // the faults are over
  std::function<void(SimulatedProcess&, int code)> on_process_ended;

  SimulatedHost& host_at(const std::string& address);
  int64_t unix_ms() const { return 1'700'000'000'000 + wall_offset_ms + schedule.now() / kMs; }
};

}  // namespace halfdoor
