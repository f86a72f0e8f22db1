// SwitchEnvironment: everything outside of the switch coordinator that it needs, so that a test can be all of it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "config/snapshot.h"
#include "failover/guards.h"
#include "failover/journal.h"
#include "failover/latch_writer.h"
#include "failover/side_health.h"

namespace halfdoor {

// Control thread only. Callbacks come on the control thread too, never from within the call that was given them.
class SwitchEnvironment {
 public:
  virtual ~SwitchEnvironment() = default;

  virtual SteadyTime now() = 0;
  virtual WallTime wall_now() = 0;

  // To every worker.
  virtual void publish(std::shared_ptr<const Snapshot> snapshot) = 0;
  // As LatchWriter::write and withdraw, for the latch of this service.
  virtual uint64_t write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                               std::function<void(const LatchOutcome&)> done) = 0;
  virtual void withdraw_latch(size_t service, uint64_t job) = 0;
  // Asks the caught_up URL of the primary; always answers, within seconds.
  virtual void ask_caught_up(size_t service, std::function<void(CaughtUpAnswer)> done) = 0;

  // As the checks have it now. SwitchCoordinator::on_health_changed() tells when it is another one.
  virtual SideHealth side_health(size_t service, Side side) = 0;

  virtual void journal(const JournalEntry& entry) = 0;
  virtual void journal_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                              uint64_t writes_finished, uint64_t writes_uncertain) = 0;
  // Something that watchers of this service want to know; `what`: "mode", "fenced", "persisted", "refused",
  // "not_safe", "until_over", "unacknowledged".
  virtual void announce(size_t service, std::string_view what) = 0;

  // What a worker does right now.
  virtual std::string describe_worker(int worker) = 0;
  // A worker has not applied a snapshot for worker_stall: it may still send writes to a side that was left. Ends the
  // process, unless it is a test.
  virtual void worker_stalled(int worker) = 0;
};

}  // namespace halfdoor
