#include "failover/latch_writer.h"

#include <catch2/catch.hpp>
#include <mutex>
#include <vector>

#include "fixtures.h"
#include "memory_latch_file.h"

namespace halfdoor {
namespace {

// What `done` said; outlives a writer that hangs.
struct Outcomes {
  std::mutex mutex;
  std::vector<LatchOutcome> all;

  size_t size() {
    const std::lock_guard lock(mutex);
    return all.size();
  }
  LatchOutcome get(size_t i) {
    const std::lock_guard lock(mutex);
    return all.at(i);
  }
};

struct Bench {
  std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
  std::shared_ptr<Outcomes> outcomes = std::make_shared<Outcomes>();
  LatchWriter writer{"salon", make_latch(disk, make_record(Mode::closed, Mode::primary, 7))};

  uint64_t write(Mode from, Mode to, uint64_t epoch) {
    const OnFailure on_failure = is_towards_more_writes(from, to) ? OnFailure::revoke : OnFailure::keep;
    return writer.write(make_record(from, to, epoch), on_failure, [kept = outcomes](const LatchOutcome& outcome) {
      const std::lock_guard lock(kept->mutex);
      kept->all.push_back(outcome);
    });
  }
  bool wait_for(size_t count) {
    return eventually([this, count] { return outcomes->size() >= count; });
  }
  uint64_t epoch() const { return decode_latch(disk->read()).record.epoch; }
};

TEST_CASE("a_record_is_synced_when_the_writer_says_so") {
  Bench bench;
  const uint64_t job = bench.write(Mode::primary, Mode::backup_readonly, 8);
  REQUIRE(bench.wait_for(1));
  const LatchOutcome outcome = bench.outcomes->get(0);
  CHECK(outcome.job == job);
  CHECK(outcome.persisted);
  CHECK_FALSE(outcome.withdrawn);
  CHECK(outcome.error.empty());
  CHECK(decode_latch(bench.disk->durable).record.epoch == 8);
}

TEST_CASE("jobs_are_answered_in_order_each_once") {
  Bench bench;
  for (uint64_t epoch = 8; epoch < 28; ++epoch) bench.write(Mode::primary, Mode::closed, epoch);
  REQUIRE(bench.writer.stop(Milliseconds(20'000)));
  REQUIRE(bench.outcomes->size() == 20);
  for (size_t i = 0; i < 20; ++i) CHECK(bench.outcomes->get(i).job == i + 1);
  CHECK(bench.epoch() == 27);
}

TEST_CASE("a_failing_disk_is_told_with_its_words_and_the_next_write_is_tried_again") {
  Bench bench;
  bench.disk->sync_error = "sync of salon.latch: Input/output error";
  bench.write(Mode::primary, Mode::backup_readonly, 8);
  REQUIRE(bench.wait_for(1));
  CHECK_FALSE(bench.outcomes->get(0).persisted);
  CHECK(bench.outcomes->get(0).error == "sync of salon.latch: Input/output error");
  {
    const std::lock_guard lock(bench.disk->mutex);
    bench.disk->sync_error.reset();
  }
  bench.write(Mode::primary, Mode::backup_readonly, 8);
  REQUIRE(bench.wait_for(2));
  CHECK(bench.outcomes->get(1).persisted);
  CHECK(decode_latch(bench.disk->durable).record.epoch == 8);
}

TEST_CASE("a_hanging_disk_keeps_nobody_waiting_and_shows") {
  Bench bench;
  bench.disk->hangs_in_sync = true;
  bench.write(Mode::primary, Mode::backup_readonly, 8);
  REQUIRE(eventually([&bench] { return bench.disk->hanging(); }));
  CHECK(bench.outcomes->size() == 0);
  CHECK(bench.writer.busy_for().has_value());
  bench.disk->release();
  REQUIRE(bench.wait_for(1));
  CHECK(bench.outcomes->get(0).persisted);
}

TEST_CASE("a_writer_that_hangs_is_left_behind_at_the_end") {
  const auto disk = std::make_shared<MemoryDisk>();
  {
    LatchWriter writer("salon", make_latch(disk, make_record(Mode::closed, Mode::primary, 7)));
    disk->hangs_in_write = true;
    writer.write(make_record(Mode::primary, Mode::closed, 8), OnFailure::keep, {});
    REQUIRE(eventually([&disk] { return disk->hanging(); }));
    CHECK_FALSE(writer.stop(Milliseconds(0)));
  }
  disk->release();
  CHECK(eventually([&disk] { return disk.use_count() == 1; }));
}

TEST_CASE("a_change_withdrawn_before_it_was_begun_is_never_written") {
  Bench bench;
  bench.disk->hangs_in_write = true;
  bench.write(Mode::primary, Mode::backup_readonly, 8);
  REQUIRE(eventually([&bench] { return bench.disk->hanging(); }));
  const uint64_t job = bench.write(Mode::backup_readonly, Mode::primary, 9);
  bench.writer.withdraw(job);
  bench.disk->release();
  REQUIRE(bench.wait_for(2));
  CHECK(bench.outcomes->get(0).persisted);
  CHECK(bench.outcomes->get(1).withdrawn);
  CHECK_FALSE(bench.outcomes->get(1).persisted);
  CHECK(bench.epoch() == 8);
  CHECK(bench.disk->writes == 1);
}

TEST_CASE("a_change_withdrawn_while_the_disk_hangs_counts_no_more_when_it_comes_back") {
  for (const bool in_sync : {false, true}) {
    Bench bench;
    bench.write(Mode::primary, Mode::backup_readonly, 8);
    REQUIRE(bench.wait_for(1));
    {
      const std::lock_guard lock(bench.disk->mutex);
      (in_sync ? bench.disk->hangs_in_sync : bench.disk->hangs_in_write) = true;
    }
    const uint64_t job = bench.write(Mode::backup_readonly, Mode::primary, 9);
    REQUIRE(eventually([&bench] { return bench.disk->hanging(); }));
    bench.writer.withdraw(job);
    bench.disk->release();
    REQUIRE(bench.wait_for(2));
    CHECK(bench.outcomes->get(1).withdrawn);
    CHECK_FALSE(bench.outcomes->get(1).persisted);
    CHECK(bench.epoch() == 8);
    CHECK(decode_latch(bench.disk->durable).record.epoch == 8);
  }
}

TEST_CASE("a_withdrawal_that_comes_too_late_changes_nothing") {
  Bench bench;
  const uint64_t job = bench.write(Mode::backup_readonly, Mode::primary, 8);
  REQUIRE(bench.wait_for(1));
  bench.writer.withdraw(job);
  bench.writer.withdraw(job + 1);  // there is no such job yet
  bench.write(Mode::primary, Mode::closed, 9);
  REQUIRE(bench.wait_for(2));
  CHECK(bench.outcomes->get(0).persisted);
  CHECK(bench.outcomes->get(1).persisted);
  CHECK(bench.epoch() == 9);
}

}  // namespace
}  // namespace halfdoor
