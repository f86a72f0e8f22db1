#include "failover/inflight_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "fixtures.h"
#include "inflight_sample.h"

namespace halfdoor {
namespace {

TEST_CASE("what_is_in_flight_is_found_by_a_scan_with_all_that_is_known") {
  const TemporaryFolder folder;
  const std::string path = inflight_path(folder.path(), 0);
  CHECK(path == folder / "inflight.0");
  const auto file = open(path, 4);
  const WriteRecord record{.wall_ms = 1'763'780'645'678,
                           .request_id = "id-1",
                           .service = "salon",
                           .epoch = 8,
                           .method = "POST",
                           .path = "/bookings?x=1",
                           .client = "192.0.2.7:51234",
                           .side = Side::backup,
                           .server = "10.0.0.20:8080"};
  REQUIRE(file->begin(record));
  const InflightScan scan = scan_inflight_file(path);
  CHECK(scan.warnings.empty());
  REQUIRE(scan.writes.size() == 1);
  CHECK(scan.writes[0] == UncertainWrite{.wall_ms = 1'763'780'645'678,
                                         .request_id = "id-1",
                                         .service = "salon",
                                         .epoch = 8,
                                         .method = "POST",
                                         .path = "/bookings?x=1",
                                         .client = "192.0.2.7:51234",
                                         .side = Side::backup,
                                         .server = "10.0.0.20:8080",
                                         .bytes_sent = 0,
                                         .why = "halfdoor stopped"});
}

TEST_CASE("what_was_cleared_is_forgotten") {
  const TemporaryFolder folder;
  const auto file = open(folder / "inflight.0", 4);
  const auto first = file->begin(Sample(1).record());
  const auto second = file->begin(Sample(2).record());
  REQUIRE((first && second));
  CHECK(*first != *second);
  CHECK(file->in_use() == 2);
  file->clear(*first);
  CHECK(ids(scan_inflight_file(folder / "inflight.0")) == std::set<std::string>{"2"});
  file->clear(*second);
  CHECK(scan_inflight_file(folder / "inflight.0").writes.empty());
  CHECK(file->in_use() == 0);
}

TEST_CASE("a_full_file_refuses_and_takes_again_what_was_cleared") {
  const TemporaryFolder folder;
  const auto file = open(folder / "inflight.0", 3);
  std::vector<InflightFile::Ticket> tickets;
  for (uint64_t i = 0; i < 3; ++i) tickets.push_back(file->begin(Sample(i).record()).value());
  CHECK_FALSE(file->begin(Sample(9).record()));
  file->clear(tickets[1]);
  CHECK(file->begin(Sample(10).record()) == tickets[1]);
  CHECK_FALSE(file->begin(Sample(11).record()));
}

TEST_CASE("an_uncertain_write_keeps_its_slot_until_it_is_released_once") {
  const TemporaryFolder folder;
  const auto file = open(folder / "inflight.0", 1);
  const auto ticket = file->begin(Sample(7).record()).value();
  CHECK_FALSE(file->release_uncertain(ticket));
  const UncertainWrite write = file->mark_uncertain(ticket, 512, "the server closed the connection");
  check_whole(write);
  CHECK(write.bytes_sent == 512);
  CHECK(write.why == "the server closed the connection");
  CHECK_FALSE(file->begin(Sample(8).record()));
  const InflightScan scan = scan_inflight_file(folder / "inflight.0");
  REQUIRE(scan.writes.size() == 1);
  CHECK(scan.writes[0] == write);
  CHECK(file->release_uncertain(ticket));
  CHECK_FALSE(file->release_uncertain(ticket));
  CHECK(file->in_use() == 0);
  CHECK(file->begin(Sample(8).record()));
  CHECK_FALSE(file->begin(Sample(9).record()));
}

TEST_CASE("texts_of_any_length_are_cut_and_show_it") {
  const TemporaryFolder folder;
  const auto file = open(folder / "inflight.0", 2);
  const std::string huge(100'000, 'x');
  const auto ticket = file->begin({.wall_ms = 1,
                                   .request_id = huge,
                                   .service = huge,
                                   .epoch = 1,
                                   .method = huge,
                                   .path = huge,
                                   .client = huge,
                                   .side = Side::primary,
                                   .server = huge});
  const UncertainWrite write = file->mark_uncertain(ticket.value(), 1, huge);
  for (const std::string& text :
       {write.request_id, write.service, write.method, write.path, write.client, write.server, write.why}) {
    CHECK(text.size() < kInflightSlotBytes);
    CHECK(text.substr(text.size() - 6) == "xxx...");
  }
  CHECK(write.path.size() > 400);
  const auto fits = file->begin({.wall_ms = 1,
                                 .request_id = {},
                                 .service = {},
                                 .epoch = 1,
                                 .method = {},
                                 .path = std::string_view(huge).substr(0, write.path.size()),
                                 .client = {},
                                 .side = Side::primary,
                                 .server = {}});
  CHECK(file->mark_uncertain(fits.value(), 1, "").path == huge.substr(0, write.path.size()));
}

TEST_CASE("opening_again_forgets_what_stood_there_and_uses_the_same_file") {
  const TemporaryFolder folder;
  const std::string path = folder / "inflight.0";
  struct stat before {
  }, same{}, other{};
  REQUIRE(open(path, 4)->begin(Sample(1).record()));
  REQUIRE(::stat(path.c_str(), &before) == 0);
  CHECK((before.st_mode & 07777U) == 0600);
  CHECK(before.st_blocks * 512 >= before.st_size);
  CHECK(scan_inflight_file(path).writes.size() == 1);
  open(path, 4);
  CHECK(scan_inflight_file(path).writes.empty());
  REQUIRE(::stat(path.c_str(), &same) == 0);
  CHECK(same.st_ino == before.st_ino);
  const auto larger = open(path, 8);
  REQUIRE(::stat(path.c_str(), &other) == 0);
  CHECK(other.st_size == static_cast<off_t>(9 * kInflightSlotBytes));
  for (uint64_t i = 0; i < 8; ++i) CHECK(larger->begin(Sample(i).record()));
}

TEST_CASE("what_cannot_be_listed_at_the_start_keeps_its_slots_until_it_is") {
  const TemporaryFolder folder;
  const std::string path = folder / "inflight.0";
  {
    const auto before = open(path, 4);
    REQUIRE(before->begin(Sample(1).record()));
    const auto second = before->begin(Sample(2).record());
    REQUIRE(before->begin(Sample(3).record()));
    before->mark_uncertain(second.value(), 99, "reset by the server");
  }
  const std::vector<UncertainWrite> expected = scan_inflight_file(path).writes;
  REQUIRE(expected.size() == 3);
  for (int restart = 0; restart < 2; ++restart) {
    std::vector<InflightFile::Kept> kept;
    const auto file = InflightFile::open_keeping(path, 4, kept);
    REQUIRE(file.ok());
    CHECK((*file)->in_use() == 3);
    REQUIRE(kept.size() == 3);
    for (const InflightFile::Kept& one : kept) {
      CHECK(std::find(expected.begin(), expected.end(), one.write) != expected.end());
    }
    CHECK(scan_inflight_file(path).writes == expected);
    const auto free_slot = (*file)->begin(Sample(4).record());
    REQUIRE(free_slot);
    CHECK_FALSE((*file)->begin(Sample(5).record()));
    (*file)->clear(*free_slot);
    if (restart == 0) continue;
    for (const InflightFile::Kept& one : kept) CHECK((*file)->release_uncertain(one.ticket));
    for (uint64_t i = 0; i < 4; ++i) CHECK((*file)->begin(Sample(i).record()));
  }
  std::vector<InflightFile::Kept> kept;
  CHECK_FALSE(InflightFile::open_keeping(path, 8, kept).ok());
  CHECK_FALSE(InflightFile::open_keeping(folder / "inflight.1", 4, kept).ok());
  CHECK(kept.empty());
}

TEST_CASE("a_file_of_no_slots_or_too_many_or_behind_a_symlink_is_not_opened") {
  const TemporaryFolder folder;
  CHECK_FALSE(InflightFile::open(folder / "inflight.0", 0).ok());
  CHECK_FALSE(InflightFile::open(folder / "inflight.0", 1U << 30).ok());
  CHECK_FALSE(InflightFile::open(folder / "nowhere/inflight.0", 4).ok());
  write_text(folder / "elsewhere", "precious");
  REQUIRE(::symlink((folder / "elsewhere").c_str(), (folder / "inflight.1").c_str()) == 0);
  open(folder / "inflight.1", 4);
  CHECK(read_text(folder / "elsewhere") == "precious");
}

TEST_CASE("a_damaged_file_is_told_and_what_can_be_read_of_it_is_kept") {
  const TemporaryFolder folder;
  const std::string path = folder / "inflight.0";
  {
    const auto file = open(path, 4);
    for (uint64_t i = 1; i <= 3; ++i) REQUIRE(file->begin(Sample(i).record()));
  }
  const std::string good = read_text(path);
  const auto damaged = [&](size_t at_byte, char value) {
    std::string bad = good;
    bad[at_byte] = value;
    write_text(path, bad);
    return scan_inflight_file(path);
  };
  SECTION("a state that there is not") {
    const InflightScan scan = damaged(2 * kInflightSlotBytes, 77);
    CHECK(ids(scan) == std::set<std::string>{"1", "3"});
    CHECK(scan.warnings.size() == 1);
  }
  SECTION("a side that there is not") {
    const InflightScan scan = damaged(2 * kInflightSlotBytes + 4, 77);
    CHECK(ids(scan) == std::set<std::string>{"1", "3"});
    CHECK(scan.warnings.size() == 1);
  }
  SECTION("any byte of a slot: never more than that slot is lost") {
    for (size_t i = 0; i < kInflightSlotBytes; ++i) {
      const InflightScan scan = damaged(2 * kInflightSlotBytes + i, '\xFF');
      const std::set<std::string> found = ids(scan);
      REQUIRE(found.count("1") == 1);
      REQUIRE(found.count("3") == 1);
    }
  }
  SECTION("cut short") {
    write_text(path, good.substr(0, 3 * kInflightSlotBytes + 10));
    const InflightScan scan = scan_inflight_file(path);
    CHECK(ids(scan) == std::set<std::string>{"1", "2"});
    CHECK(scan.warnings.size() == 1);
  }
  SECTION("no header") {
    CHECK(damaged(0, 'X').warnings.size() == 1);
    write_text(path, "");
    CHECK(scan_inflight_file(path).warnings.size() == 1);
    CHECK(scan_inflight_file(folder / "missing").warnings.size() == 1);
  }
  SECTION("of a newer version") {
    const InflightScan scan = damaged(8, 2);
    CHECK(scan.writes.empty());
    CHECK(scan.warnings.size() == 1);
  }
  open(path, 4);
  CHECK(scan_inflight_file(path).writes.empty());
}

TEST_CASE("the_files_of_all_workers_are_scanned_oldest_write_first_and_stale_ones_removed") {
  const TemporaryFolder folder;
  CHECK(scan_inflight(folder.path()).writes.empty());
  write_text(folder / "inflight.x", "");
  write_text(folder / "inflight.0.new", "");
  REQUIRE(open(inflight_path(folder.path(), 0), 4)->begin(Sample(3).record()));
  REQUIRE(open(inflight_path(folder.path(), 1), 4)->begin(Sample(1).record()));
  REQUIRE(open(inflight_path(folder.path(), 12), 8)->begin(Sample(2).record()));
  const InflightScan scan = scan_inflight(folder.path());
  CHECK(scan.warnings.empty());
  REQUIRE(scan.writes.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(scan.writes[i].wall_ms == static_cast<int64_t>(i + 1));
  remove_stale_inflight(folder.path(), 2);
  CHECK(ids(scan_inflight(folder.path())) == std::set<std::string>{"1", "3"});
  CHECK(::access((folder / "inflight.x").c_str(), F_OK) == 0);
}

TEST_CASE("slots_come_back_from_the_control_thread_while_the_worker_works") {
  const TemporaryFolder folder;
  const auto file = open(folder / "inflight.0", 16);
  constexpr uint64_t kWrites = 20'000;
  std::vector<std::atomic<uint32_t>> mailbox(16);  // ticket + 1; 0: empty
  std::atomic<bool> stopping{false};
  uint64_t released = 0;
  std::thread control([&] {
    while (true) {
      const bool last = stopping.load();
      for (auto& box : mailbox) {
        const uint32_t ticket = box.exchange(0);
        if (ticket != 0 && file->release_uncertain(ticket - 1)) ++released;
      }
      if (last) return;
      std::this_thread::yield();
    }
  });
  const Sample sample(42);
  for (uint64_t n = 0; n < kWrites; ++n) {
    std::optional<InflightFile::Ticket> ticket;
    while (!(ticket = file->begin(sample.record()))) std::this_thread::yield();
    const UncertainWrite write = file->mark_uncertain(*ticket, n, "because");
    uint32_t empty = 0;
    while (!mailbox[*ticket].compare_exchange_strong(empty, *ticket + 1)) empty = 0;
    if (write.bytes_sent != n) FAIL("a slot was given to two writes");
  }
  stopping = true;
  control.join();
  CHECK(released == kWrites);
  CHECK(file->in_use() == 0);
  for (int i = 0; i < 16; ++i) CHECK(file->begin(sample.record()));
  CHECK_FALSE(file->begin(sample.record()));
}

}  // namespace
}  // namespace halfdoor
