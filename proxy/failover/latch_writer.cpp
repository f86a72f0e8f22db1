#include "failover/latch_writer.h"

#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "failover/helper_thread.h"

namespace halfdoor {

using Clock = std::chrono::steady_clock;

struct LatchWriter::Shared {
  explicit Shared(std::unique_ptr<Latch> made) : latch(std::move(made)) {}

  std::mutex mutex;              // never held while the disk is waited for
  std::set<uint64_t> withdrawn;  // jobs that are not complete
  uint64_t complete = 0;         // jobs up to this one are complete
  std::unique_ptr<Latch> latch;  // helper thread only

  // Whether the job was withdrawn; the answer is final if `ends`.
  bool take_withdrawal(uint64_t job, bool ends) {
    const std::lock_guard lock(mutex);
    const bool was_withdrawn = withdrawn.count(job) != 0;
    if (was_withdrawn || ends) {
      complete = job;
      withdrawn.erase(job);
    }
    return was_withdrawn;
  }

  void run(uint64_t job, const LatchRecord& record, OnFailure on_failure, LatchOutcome& outcome) {
    outcome.withdrawn = take_withdrawal(job, false);
    if (outcome.withdrawn) return;
    const Status stored = latch->store(record, on_failure);
    outcome.withdrawn = take_withdrawal(job, true);
    const Status status = outcome.withdrawn ? latch->revoke() : stored;
    if (!status.ok()) outcome.error = status.error().message;
    outcome.persisted = stored.ok() && !outcome.withdrawn;
    outcome.in_doubt = latch->is_in_doubt();
  }
};

LatchWriter::LatchWriter(std::unique_ptr<Helper> helper, std::unique_ptr<Latch> latch)
    : shared_(std::make_shared<Shared>(std::move(latch))), helper_(std::move(helper)) {}

LatchWriter::LatchWriter(const std::string& service, std::unique_ptr<Latch> latch)
    : LatchWriter(std::make_unique<HelperThread>("latch " + service), std::move(latch)) {}

LatchWriter::~LatchWriter() = default;

uint64_t LatchWriter::write(LatchRecord record, OnFailure on_failure, Done done) {
  const uint64_t job = ++last_job_;
  helper_->post(
      [shared = shared_, job, record = std::move(record), on_failure, done = std::move(done), began = Clock::now()] {
        LatchOutcome outcome{.job = job, .persisted = false, .withdrawn = false, .error = {}, .took = Milliseconds(0)};
        shared->run(job, record, on_failure, outcome);
        outcome.took = std::chrono::duration_cast<Milliseconds>(Clock::now() - began);
        if (done) done(outcome);
      });
  return job;
}

void LatchWriter::withdraw(uint64_t job) {
  const std::lock_guard lock(shared_->mutex);
  if (job > shared_->complete && job <= last_job_) shared_->withdrawn.insert(job);
}

}  // namespace halfdoor
