// Simulation: one day of halfdoor, decided by one seed: whole processes, their clients, hosts, operators and disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "simulation/context.h"
#include "simulation/sim_client.h"
#include "simulation/sim_host.h"
#include "simulation/sim_operator.h"
#include "simulation/sim_process.h"

namespace halfdoor {

struct SimulationOptions {
  uint64_t seed = 1;
  std::string folder;  // for the state on disk; made and removed
  Story::Telling telling = Story::Telling::nothing;
  // Reproducing a failure with less: what is left out.
  bool no_kills = false;
  bool no_disk_trouble = false;
  bool no_host_trouble = false;
  bool no_commands = false;
  bool no_hostile_clients = false;
  int only_clients = 0;  // 0: all
};

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options);
  ~Simulation();

  // The whole day; failures() then says what was wrong.
  void run();
  const std::vector<Checker::Failure>& failures() const { return checker_.failures(); }
  uint64_t hash() const { return story_.hash(); }
  const History& history() const { return history_; }
  std::string describe() const;

 private:
  Settings make_settings();
  void make_hosts();
  void start_process();
  void on_process_ended(SimulatedProcess& process, int code);

  // Actors that come again and again.
  void repeat(Micros mean, const std::function<void()>& act);
  void add_client();
  void trouble_a_host();
  void trouble_the_disk();
  void kill_or_stop();
  void stall_something();

  void chaos();
  void calm();
  void last_round();
  void last_restart();
  SimulatedWorkerSlot& any_worker();

  const SimulationOptions options_;
  Schedule schedule_;
  Dice dice_;
  Story story_;
  History history_;
  Checker checker_;
  SimulationContext context_;
  SimulatedOperator operator_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::vector<std::unique_ptr<SimulatedProcess>> processes_;
  std::vector<std::unique_ptr<SimulatedClient>> clients_;
  bool restarts_ = true;
};

}  // namespace halfdoor
