// LatchWriter: writes and syncs the latch of one service on a helper thread of its own, so that neither a hanging disk
// nor the latch of another service holds up an answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "failover/helper.h"
#include "failover/latch.h"

namespace halfdoor {

struct LatchOutcome {
  uint64_t job = 0;
  bool persisted = false;  // synced; false: see error, or withdrawn
  bool withdrawn = false;  // withdraw() came in time: the record before this one counts
  bool in_doubt = false;   // it does not count, but may stand in the file: write the present record again
  std::string error;       // "write of /var/lib/halfdoor/salon.latch: No space left on device"
  Milliseconds took{0};    // from write() to the end of the sync
};

// All functions are for the control thread and return at once, but for stop().
class LatchWriter {
 public:
  // Called on the helper thread, exactly once per job unless the writer was stopped: post it to the mailbox.
  using Done = std::function<void(const LatchOutcome&)>;

  // The helper is this latch's own.
  LatchWriter(std::unique_ptr<Helper> helper, std::unique_ptr<Latch> latch);
  // With a thread.
  LatchWriter(const std::string& service, std::unique_ptr<Latch> latch);
  // As stop() with a patience of 1 s.
  ~LatchWriter();

  // Queues the record; jobs are written in order. The caller has a timer of its own (250 ms) and does not wait for
  // `done`: towards fewer writes it publishes when either comes (OnFailure::keep), towards more writes only after
  // `persisted` (OnFailure::revoke). A record in force that could not be persisted has to be written again by the
  // caller, every second or so, until it is. Numbers of jobs grow from 1.
  uint64_t write(LatchRecord record, OnFailure on_failure, Done done);
  // The caller gave up on a job (the change was refused). If it was not begun it is dropped; if it is being written it
  // is revoked afterwards; `done` says `withdrawn`. If it was complete already, `done` has said or will say
  // `persisted`: that is then the truth, and the caller has to write the present record again.
  void withdraw(uint64_t job);
  // For how long the disk has kept the helper thread waiting; null: it is idle.
  std::optional<Milliseconds> busy_for() const { return helper_->busy_for(); }
  // Finishes what is queued; false: it hangs and was left behind.
  bool stop(Milliseconds patience) { return helper_->stop(patience); }

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  uint64_t last_job_ = 0;
  std::unique_ptr<Helper> helper_;
};

}  // namespace halfdoor
