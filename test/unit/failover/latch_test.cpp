#include <catch2/catch.hpp>

#include "fixtures.h"
#include "memory_latch_file.h"

namespace halfdoor {
namespace {

const LatchRecord kSeven = make_record(Mode::closed, Mode::primary, 7);
const LatchRecord kEight = make_record(Mode::primary, Mode::backup_readonly, 8);
const LatchRecord kNine = make_record(Mode::backup_readonly, Mode::primary, 9);

uint64_t epoch_in(const std::string& bytes) {
  const LatchReading reading = decode_latch(bytes);
  return reading.kind == LatchKind::valid ? reading.record.epoch : 0;
}

TEST_CASE("what_store_says_is_kept_is_durable") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  for (uint64_t epoch = 8; epoch < 20; ++epoch) {
    REQUIRE(latch->store(make_record(Mode::primary, Mode::closed, epoch), OnFailure::keep).ok());
    CHECK(epoch_in(disk->durable) == epoch);
  }
}

TEST_CASE("records_of_one_epoch_are_told_apart_by_a_sequence_that_only_grows") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  LatchRecord update = kSeven;
  for (const char* reason : {"first", "second", "third"}) {
    update.reason = reason;
    update.sequence = 0;
    REQUIRE(latch->store(update, OnFailure::keep).ok());
    CHECK(decode_latch(disk->durable).record.reason == reason);
  }
  CHECK(decode_latch(disk->durable).record.sequence == kSeven.sequence + 3);
}

TEST_CASE("killed_after_any_byte_of_any_write_the_latch_holds_the_last_kept_record_or_the_next") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  disk->records_images = true;
  uint64_t acknowledged = 7;
  for (const LatchRecord& record : {kEight, kNine, make_record(Mode::primary, Mode::closed, 10)}) {
    disk->images.clear();
    REQUIRE(latch->store(record, OnFailure::keep).ok());
    REQUIRE(disk->images.size() == kLatchSlotBytes);
    for (const std::string& image : disk->images) {
      const uint64_t found = epoch_in(image);
      REQUIRE((found == acknowledged || found == record.epoch));
    }
    acknowledged = record.epoch;
  }
}

TEST_CASE("a_full_or_failing_disk_leaves_the_durable_record_untouched") {
  for (const bool fails_in_sync : {false, true}) {
    const auto disk = std::make_shared<MemoryDisk>();
    const auto latch = make_latch(disk, kSeven);
    REQUIRE(latch->store(kEight, OnFailure::keep).ok());
    (fails_in_sync ? disk->sync_error : disk->write_error) = "No space left on device";
    const auto failed = latch->store(kNine, OnFailure::revoke);
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().message == "No space left on device");
    CHECK(epoch_in(disk->durable) == 8);
    CHECK(epoch_in(disk->cached) == 8);
    disk->sync_error.reset();
    disk->write_error.reset();
    REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
    CHECK(epoch_in(disk->durable) == 9);
  }
}

TEST_CASE("repeated_failures_never_write_over_the_durable_record") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  disk->sync_error = "Input/output error";
  disk->records_images = true;
  for (uint64_t epoch = 8; epoch < 12; ++epoch) {
    CHECK_FALSE(latch->store(make_record(Mode::primary, Mode::closed, epoch), OnFailure::keep).ok());
  }
  for (const std::string& image : disk->images) {
    REQUIRE(decode_slot(std::string_view(image).substr(0, kLatchSlotBytes)).record == kSeven);
  }
}

TEST_CASE("a_change_in_force_that_could_not_be_synced_is_still_read_after_a_kill") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  disk->sync_error = "Input/output error";
  CHECK_FALSE(latch->store(kEight, OnFailure::keep).ok());
  CHECK(epoch_in(disk->cached) == 8);
}

TEST_CASE("a_refused_change_gives_the_slot_back_to_the_record_in_force") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  disk->sync_error = "Input/output error";
  CHECK_FALSE(latch->store(kEight, OnFailure::keep).ok());
  CHECK_FALSE(latch->store(kNine, OnFailure::revoke).ok());
  CHECK(epoch_in(disk->cached) == 8);
  disk->sync_error.reset();
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  CHECK(epoch_in(disk->durable) == 8);
}

TEST_CASE("a_revoked_record_counts_no_more") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  REQUIRE(latch->revoke().ok());
  CHECK(epoch_in(disk->durable) == 8);
  REQUIRE(latch->revoke().ok());
  CHECK(epoch_in(disk->durable) == 8);
  REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  CHECK(epoch_in(disk->durable) == 9);
}

TEST_CASE("after_a_revocation_the_next_torn_write_costs_nothing") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  REQUIRE(latch->revoke().ok());
  disk->records_images = true;
  REQUIRE(latch->store(kNine, OnFailure::keep).ok());
  for (const std::string& image : disk->images) {
    const uint64_t found = epoch_in(image);
    REQUIRE((found == 8 || found == 9));
  }
}

TEST_CASE("the_present_record_written_after_a_refused_one_that_came_too_late_counts") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  CHECK(epoch_in(disk->durable) == 8);
}

TEST_CASE("a_store_writes_once_and_syncs_once") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  REQUIRE(latch->store(kEight, OnFailure::revoke).ok());
  CHECK(disk->writes == 1);
  CHECK(disk->syncs == 1);
}

}  // namespace
}  // namespace halfdoor
