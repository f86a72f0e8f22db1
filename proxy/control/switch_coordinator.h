// SwitchCoordinator: every mode change of every service, and the snapshots that carry them to the workers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/service_switch.h"

namespace halfdoor {

// Control thread. Pure but for its environment: no sockets, threads or clocks of its own.
class SwitchCoordinator : private SnapshotBoard {
 public:
  // `records`: by index into the configuration's services. The first snapshot has generation 1. `addresses`: null:
  // those that the configuration has itself. `unpersisted`: the records that no latch holds yet.
  SwitchCoordinator(SwitchEnvironment& environment, std::shared_ptr<const ConfigGeneration> base, int workers,
                    std::vector<LatchRecord> records, std::shared_ptr<const ServerAddresses> addresses = nullptr,
                    const std::vector<size_t>& unpersisted = {});

  // What the workers start with, and later what was published last.
  const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }

  void ask(size_t service, ModeRequest request, OnAnswer answer);

  // From the workers, through the mailbox.
  void on_applied(int worker, uint64_t generation, const std::vector<ServiceAtSwitch>& services);
  void on_fenced(int worker, const FencedReport& report);

  // Publishes where servers are reached from now on. It changes no mode, waits for no change and holds up none.
  void use_addresses(std::shared_ptr<const ServerAddresses> addresses);

  // SwitchEnvironment::side_health() of a side of this service has another value.
  void on_health_changed(size_t service);

  // The caller's timer: on_time() has to be called then, or later.
  std::optional<SteadyTime> next_deadline() const;
  void on_time();

  const ServiceSwitch& service(size_t index) const { return *services_[index]; }
  size_t services() const { return services_.size(); }
  int workers() const override { return static_cast<int>(applied_.size()); }
  // A line per service and worker that has not applied its mode within 1 s.
  std::vector<std::string> not_safe() const;

 private:
  uint64_t put(size_t service, ServiceState state) override;
  uint64_t publish(std::shared_ptr<Snapshot> next);
  int applied_workers(uint64_t generation) const override;
  std::vector<int> late_workers(uint64_t generation) const override;
  void watch_workers(SteadyTime now);

  SwitchEnvironment& environment_;
  Milliseconds worker_stall_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<uint64_t> applied_;                      // by worker: the newest generation
  std::vector<std::optional<SteadyTime>> late_since_;  // by worker: since when it owes an acknowledgement
  std::vector<std::unique_ptr<ServiceSwitch>> services_;
};

}  // namespace halfdoor
