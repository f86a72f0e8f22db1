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
#include "simulation/settings.h"
#include "simulation/sim_disk.h"
#include "simulation/story.h"

namespace halfdoor {

class SimulatedHost;
class SimulatedProcess;

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
  // The monotonic clock of all threads of a process.
  int64_t clock_ms() const { return 360'000'000 + schedule.now() / kMs; }
  SteadyTime steady_now() const {
    return SteadyTime{} + std::chrono::hours(100) + std::chrono::microseconds(schedule.now());
  }
  int64_t unix_ms() const { return 1'700'000'000'000 + wall_offset_ms + schedule.now() / kMs; }
};

}  // namespace halfdoor
