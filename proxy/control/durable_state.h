// DurableState: what halfdoor keeps in state_dir: latches, journal, writes in flight, uncertain writes. Opens them in
// the order that loses nothing, and says in which modes the services start.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/inflight_ledger.h"
#include "failover/helper.h"
#include "failover/journal.h"
#include "failover/latch_writer.h"
#include "failover/state_dir.h"
#include "failover/uncertain_list.h"

namespace halfdoor {

struct DurableStateOptions {
  std::shared_ptr<const Config> config;
  MakeHelper make_helper;
  // Runs a call on the control thread, later; any thread. Outlives the state.
  std::function<void(std::function<void()>)> post;
  std::function<SteadyTime()> now;  // outlives the state
  WallTime wall_now{};
};

// Control thread. open() and make_ledger() may block.
class DurableState {
 public:
  // What was in flight when the last process ended is listed as uncertain before anything of it is forgotten.
  static Result<std::unique_ptr<DurableState>> open(DurableStateOptions options);
  DurableState(const DurableState&) = delete;
  DurableState& operator=(const DurableState&) = delete;

  // Loud; logged already.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // By index into Config::services: the modes to start in.
  const std::vector<LatchRecord>& records() const { return records_; }
  // Those of them that their latches do not hold yet: whoever switches writes them, as what is in force. Until then a
  // restart would come to the same modes.
  const std::vector<size_t>& unpersisted() const { return unpersisted_; }
  Journal& journal() { return *journal_; }
  UncertainList& uncertain() { return *uncertain_; }

  // The ledger of one worker, over its file; to be made once per worker and start.
  Result<std::unique_ptr<WriteLedger>> make_ledger(int worker);
  // As LatchWriter::write and withdraw; `done` comes on the control thread.
  uint64_t write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                       std::function<void(const LatchOutcome&)> done);
  void withdraw_latch(size_t service, uint64_t job) { latches_[service]->withdraw(job); }

  // on_time() has to be called then, or later; null: never.
  std::optional<SteadyTime> next_deadline() const { return desk_->next_deadline(); }
  void on_time() { desk_->on_time(); }

  // Ends the helpers. False: one hangs in a disk and was left behind, so the process must end without destroying this.
  bool finish(Milliseconds patience);

 private:
  explicit DurableState(DurableStateOptions options);
  Status open_lists();
  Status list_what_was_in_flight();
  Result<std::shared_ptr<InflightFile>> open_inflight(int worker);
  Status open_latches();
  Status open_latch_of(const ServiceConfig& service);
  // A loud warning for every server that stood on the other side when halfdoor last started.
  void compare_sides(const ServiceConfig& service);
  void warn(const std::string& line);

  const DurableStateOptions options_;
  const Config& config_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Helper> files_;  // writes journal and uncertain writes
  std::optional<StateDir> state_dir_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<UncertainList> uncertain_;
  std::unique_ptr<UncertainDesk> desk_;
  std::vector<std::unique_ptr<LatchWriter>> latches_;
  std::vector<LatchRecord> records_;
  std::vector<size_t> unpersisted_;
  bool keeps_inflight_ = false;  // what was in flight at the last stop could not be listed at the start
};

}  // namespace halfdoor
