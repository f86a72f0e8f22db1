#include "failover/append_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <vector>

#include "fixtures.h"
#include "memory_append_target.h"

namespace halfdoor {
namespace {

std::vector<std::string> lines_of(const std::string& path, uint64_t tail = 0) {
  std::vector<std::string> lines;
  read_lines(path, tail, [&lines](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  return lines;
}

using Lines = std::vector<std::string>;

TEST_CASE("lines_are_appended_to_what_is_there_and_synced") {
  const auto memory = std::make_shared<MemoryLines>();
  memory->text = "old\n";
  const auto file = make_append_file(memory);
  REQUIRE(file->append("one\ntwo\n").ok());
  CHECK(memory->durable == "old\none\ntwo\n");
  CHECK(file->size() == memory->text.size());
}

TEST_CASE("a_torn_last_line_does_not_swallow_the_next_one") {
  const auto memory = std::make_shared<MemoryLines>();
  memory->text = "old\ntor";
  const auto file = make_append_file(memory);
  REQUIRE(file->append("one\n").ok());
  REQUIRE(file->append("two\n").ok());
  CHECK(memory->durable == "old\ntor\none\ntwo\n");
}

TEST_CASE("a_full_disk_takes_all_of_an_append_or_nothing") {
  for (size_t room = 0; room < 8; ++room) {
    const auto memory = std::make_shared<MemoryLines>();
    memory->text = "old\n";
    memory->room = room;
    const auto file = make_append_file(memory);
    CHECK_FALSE(file->append("one\ntwo\n").ok());
    CHECK(memory->text == "old\n");
    memory->room.reset();
    REQUIRE(file->append("one\ntwo\n").ok());
    CHECK(memory->text == "old\none\ntwo\n");
  }
}

TEST_CASE("an_append_that_cannot_be_synced_is_taken_back") {
  const auto memory = std::make_shared<MemoryLines>();
  const auto file = make_append_file(memory);
  memory->fails_to_sync = true;
  CHECK_FALSE(file->append("one\n").ok());
  memory->fails_to_sync = false;
  REQUIRE(file->append("one\n").ok());
  CHECK(memory->durable == "one\n");
}

TEST_CASE("where_a_torn_line_cannot_be_taken_back_the_next_begins_on_a_line_of_its_own") {
  const auto memory = std::make_shared<MemoryLines>();
  memory->room = 2;
  memory->fails_to_truncate = true;
  const auto file = make_append_file(memory);
  CHECK_FALSE(file->append("one\n").ok());
  memory->room.reset();
  REQUIRE(file->append("one\n").ok());
  REQUIRE(file->append("two\n").ok());
  CHECK(memory->text == "on\none\ntwo\n");
  CHECK(file->size() == memory->text.size());
}

TEST_CASE("a_file_on_disk_is_made_private_and_found_again") {
  const TemporaryFolder folder;
  const std::string path = folder / "lines";
  CHECK(read_lines(path, 0, [](std::string_view) { return true; }).missing);
  {
    auto file = AppendFile::open(path);
    REQUIRE(file.ok());
    REQUIRE((*file)->append("one\n").ok());
  }
  write_text(path, read_text(path) + "to");
  {
    auto file = AppendFile::open(path);
    REQUIRE(file.ok());
    REQUIRE((*file)->append("three\n").ok());
  }
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
  CHECK(lines_of(path) == Lines{"one", "to", "three"});
}

TEST_CASE("a_symlink_is_neither_read_nor_written_through") {
  const TemporaryFolder folder;
  write_text(folder / "elsewhere", "secret\n");
  REQUIRE(::symlink((folder / "elsewhere").c_str(), (folder / "lines").c_str()) == 0);
  CHECK_FALSE(AppendFile::open(folder / "lines").ok());
  const LineReading reading = read_lines(folder / "lines", 0, [](std::string_view) { return true; });
  CHECK(reading.lines == 0);
  CHECK_FALSE(reading.problem.empty());
}

TEST_CASE("lines_of_any_length_are_read_whole_or_skipped") {
  const TemporaryFolder folder;
  const std::string longest(64 << 10, 'l');
  write_text(folder / "lines", "a\n\n" + longest + "\n" + longest + "x\n" + std::string(300'000, 'y') + "\nb");
  Lines seen;
  const LineReading reading = read_lines(folder / "lines", 0, [&seen](std::string_view line) {
    seen.emplace_back(line);
    return line != "a";
  });
  CHECK(seen == Lines{"a", longest, "b"});
  CHECK(reading.lines == 5);
  CHECK(reading.skipped == 3);
  CHECK(reading.problem.empty());
}

TEST_CASE("a_tail_begins_at_its_first_whole_line") {
  const TemporaryFolder folder;
  write_text(folder / "lines", "first\nsecond\nthird\n");
  CHECK(lines_of(folder / "lines", 100) == Lines{"first", "second", "third"});
  CHECK(lines_of(folder / "lines", 19) == Lines{"first", "second", "third"});
  CHECK(lines_of(folder / "lines", 17) == Lines{"second", "third"});
  CHECK(lines_of(folder / "lines", 13) == Lines{"second", "third"});
  CHECK(lines_of(folder / "lines", 12) == Lines{"third"});
  CHECK(lines_of(folder / "lines", 1).empty());
}

}  // namespace
}  // namespace halfdoor
