#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "failover/latch.h"
#include "fixtures.h"

namespace halfdoor {
namespace {

const LatchRecord kOne = make_record(Mode::primary, Mode::primary, 1);
const LatchRecord kTwo = make_record(Mode::primary, Mode::backup_readonly, 2);

TEST_CASE("a_missing_latch_is_made_with_a_record_in_it") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  CHECK(path == folder / "salon.latch");
  const LatchReading before = read_latch(path);
  CHECK(before.kind == LatchKind::missing);
  REQUIRE(open_latch(path, before, kOne).ok());
  const LatchReading after = read_latch(path);
  REQUIRE(after.kind == LatchKind::valid);
  CHECK(after.record.epoch == 1);
  CHECK(after.record.reason == kOne.reason);
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
  CHECK(info.st_size == static_cast<off_t>(kLatchSlots * kLatchSlotBytes));
  CHECK(info.st_blocks * 512 >= info.st_size);
}

TEST_CASE("a_latch_goes_on_where_it_stopped_over_any_number_of_restarts") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  REQUIRE(open_latch(path, read_latch(path), kOne).ok());
  for (uint64_t epoch = 2; epoch < 12; ++epoch) {
    auto latch = open_latch(path, read_latch(path), kOne);
    REQUIRE(latch.ok());
    REQUIRE((*latch)->store(make_record(Mode::primary, Mode::closed, epoch), OnFailure::keep).ok());
    if (epoch % 3 == 0) {
      ++epoch;
      REQUIRE((*latch)->store(make_record(Mode::closed, Mode::primary, epoch), OnFailure::keep).ok());
    }
    CHECK(read_latch(path).record.epoch == epoch);
  }
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(info.st_size == static_cast<off_t>(kLatchSlots * kLatchSlotBytes));
}

TEST_CASE("a_corrupt_latch_is_replaced_and_kept_aside") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  write_text(path, "garbage");
  const LatchReading reading = read_latch(path);
  CHECK(reading.kind == LatchKind::corrupt);
  REQUIRE(open_latch(path, reading, kTwo).ok());
  CHECK(read_latch(path).record.epoch == 2);
  CHECK(read_text(path + ".bad") == "garbage");
}

TEST_CASE("half_a_new_latch_that_a_kill_left_behind_is_no_latch") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  write_text(path + ".new", encode_slot(kTwo).substr(0, 100));
  CHECK(read_latch(path).kind == LatchKind::missing);
  REQUIRE(open_latch(path, read_latch(path), kOne).ok());
  CHECK(read_latch(path).record.epoch == 1);
  CHECK(::access((path + ".new").c_str(), F_OK) != 0);
}

TEST_CASE("a_symlink_in_the_place_of_a_latch_is_never_followed") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  const std::string elsewhere = folder / "elsewhere";
  write_text(elsewhere, encode_slot(kTwo) + std::string(kLatchSlotBytes, '\0'));
  REQUIRE(::symlink(elsewhere.c_str(), path.c_str()) == 0);
  const LatchReading reading = read_latch(path);
  CHECK(reading.kind == LatchKind::unreadable);
  REQUIRE(open_latch(path, reading, kOne).ok());
  CHECK(read_latch(path).record.epoch == 1);
  CHECK(decode_latch(read_text(elsewhere)).record.epoch == 2);
}

TEST_CASE("a_dangling_symlink_is_not_a_missing_latch") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  REQUIRE(::symlink((folder / "nowhere").c_str(), path.c_str()) == 0);
  CHECK(read_latch(path).kind == LatchKind::unreadable);
}

TEST_CASE("a_pipe_or_a_folder_in_the_place_of_a_latch_is_unreadable_and_hangs_nobody") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe.latch").c_str(), 0600) == 0);
  REQUIRE(::mkdir((folder / "folder.latch").c_str(), 0700) == 0);
  CHECK(read_latch(folder / "pipe.latch").kind == LatchKind::unreadable);
  const LatchReading reading = read_latch(folder / "folder.latch");
  CHECK(reading.kind == LatchKind::unreadable);
  const auto latch = open_latch(folder / "folder.latch", reading, kOne);
  REQUIRE_FALSE(latch.ok());
  CHECK(latch.error().message.find("folder.latch") != std::string::npos);
}

TEST_CASE("a_latch_that_cannot_be_made_is_an_error_that_names_file_and_user") {
  const auto latch = open_latch("/proc/halfdoor/salon.latch", {}, kOne);
  REQUIRE_FALSE(latch.ok());
  CHECK(latch.error().message.find("/proc/halfdoor/salon.latch") != std::string::npos);
  CHECK(latch.error().message.find("uid ") != std::string::npos);
}

TEST_CASE("latches_are_listed_by_service") {
  const TemporaryFolder folder;
  for (const char* name : {"salon.latch", "barber.latch", "salon.latch.bad", "salon.latch.new", ".latch", "lock"}) {
    write_text(folder / name, "");
  }
  CHECK(list_latches(folder.path()) == std::vector<std::string>{"barber", "salon"});
  CHECK(list_latches(folder / "nowhere").empty());
}

}  // namespace
}  // namespace halfdoor
