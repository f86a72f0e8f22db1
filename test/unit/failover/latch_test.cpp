#include <catch2/catch.hpp>

#include "failover/start_state.h"
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
    CHECK(epoch_in(disk->durable) == 8);
    REQUIRE(latch->store(kNine, OnFailure::keep).ok());
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
  REQUIRE(latch->store(kNine, OnFailure::keep).ok());
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

// The mode that a start would come to from these bytes, and whether its epoch is one that was never used.
Mode start_mode(const std::string& bytes, uint64_t& epoch) {
  const StartState start = start_state("salon", Mode::primary, decode_latch(bytes), {}, at("2026-11-23T00:00:00Z"));
  epoch = start.record.epoch;
  return start.record.to;
}

TEST_CASE("killed_after_any_byte_a_change_towards_writes_counts_only_once_it_was_confirmed") {
  for (const auto& [from, to] : std::vector<std::pair<Mode, Mode>>{{Mode::backup_readonly, Mode::primary},
                                                                   {Mode::backup_readonly, Mode::backup_writable},
                                                                   {Mode::primary_readonly, Mode::primary},
                                                                   {Mode::closed, Mode::primary}}) {
    const auto disk = std::make_shared<MemoryDisk>();
    const auto latch = make_latch(disk, make_record(Mode::primary, Mode::closed, 7));
    REQUIRE(latch->store(make_record(Mode::closed, from, 8), OnFailure::keep).ok());
    const LatchRecord begun = make_record(from, to, 9);
    disk->records_images = true;
    REQUIRE(latch->store(begun, OnFailure::revoke).ok());
    REQUIRE(disk->images.size() == kLatchSlotBytes);
    for (const std::string& image : disk->images) {
      uint64_t epoch = 0;
      REQUIRE(start_mode(image, epoch) == from);
      REQUIRE(epoch >= 8);
      REQUIRE(epoch != 9);
    }
    disk->images.clear();
    REQUIRE(latch->store(begun, OnFailure::keep).ok());
    REQUIRE(disk->images.size() == kLatchMarkBytes);
    for (const std::string& image : disk->images) {
      uint64_t epoch = 0;
      const Mode mode = start_mode(image, epoch);
      REQUIRE(((mode == from && epoch == 10) || (mode == to && epoch == 9)));
    }
    uint64_t epoch = 0;
    CHECK(start_mode(disk->durable, epoch) == to);
    CHECK(decode_latch(disk->durable).previous);
  }
}

TEST_CASE("a_confirmation_that_fails_is_tried_again_and_the_change_before_it_stays_whole") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  for (const bool in_sync : {true, false}) {
    (in_sync ? disk->sync_error : disk->write_error) = "Input/output error";
    CHECK(latch->store(kNine, OnFailure::keep).error().message == "Input/output error");
    CHECK(epoch_in(disk->durable) == 8);
    disk->sync_error.reset();
    disk->write_error.reset();
  }
  REQUIRE(latch->store(kNine, OnFailure::keep).ok());
  CHECK(epoch_in(disk->durable) == 9);
  REQUIRE(decode_latch(disk->durable).previous);
  CHECK(decode_latch(disk->durable).previous->epoch == 8);
}

TEST_CASE("a_synced_record_that_was_refused_all_the_same_is_written_over_first") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  REQUIRE(latch->store(kEight, OnFailure::keep).ok());
  REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  disk->records_images = true;
  REQUIRE(latch->store(make_record(Mode::backup_readonly, Mode::closed, 9), OnFailure::keep).ok());
  for (const std::string& image : disk->images) {
    const LatchReading reading = decode_latch(image);
    REQUIRE(reading.kind == LatchKind::valid);
    REQUIRE((reading.record.to == Mode::backup_readonly || reading.record.to == Mode::closed));
  }
}

TEST_CASE("the_latch_of_a_restart_goes_on_behind_an_unconfirmed_record") {
  const auto disk = std::make_shared<MemoryDisk>();
  {
    const auto latch = make_latch(disk, kSeven);
    REQUIRE(latch->store(kEight, OnFailure::keep).ok());
    REQUIRE(latch->store(kNine, OnFailure::revoke).ok());
  }
  Latch again(std::make_unique<MemoryLatchFile>(disk), decode_latch(disk->cached));
  uint64_t epoch = 0;
  CHECK(start_mode(disk->cached, epoch) == Mode::backup_readonly);
  CHECK(epoch == 10);
  REQUIRE(again.store(make_record(Mode::primary, Mode::backup_readonly, 10), OnFailure::keep).ok());
  CHECK(epoch_in(disk->durable) == 10);
  CHECK_FALSE(decode_latch(disk->durable).unconfirmed);
}

// A freeze that the disk did not take stands in the only slot that a thaw can have.
TEST_CASE("an_unconfirmed_record_over_a_change_that_was_never_synced_leads_back_to_that_change") {
  const auto disk = std::make_shared<MemoryDisk>();
  const auto latch = make_latch(disk, kSeven);
  disk->sync_error = "Input/output error";
  CHECK_FALSE(latch->store(make_record(Mode::primary, Mode::primary_readonly, 8), OnFailure::keep).ok());
  disk->records_images = true;
  CHECK_FALSE(latch->store(make_record(Mode::primary_readonly, Mode::primary, 9), OnFailure::revoke).ok());
  uint64_t epoch = 0;
  CHECK(start_mode(disk->images.at(kLatchSlotBytes - 1), epoch) == Mode::primary_readonly);
  CHECK(epoch == 10);
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
