// Killed, or failed by the disk, at any system call that changes a file.
#include "system_calls.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <functional>
#include <utility>

#include "failover/helper_thread.h"
#include "failover/inflight_file.h"
#include "failover/latch.h"
#include "failover/start_state.h"
#include "failover/uncertain_list.h"
#include "fixtures.h"

namespace halfdoor {
namespace {

// Tells the parent how far the child came; a byte that was written survives its kill.
class Progress {
 public:
  Progress() { REQUIRE(::pipe(ends_) == 0); }
  ~Progress() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  void step() const {
    if (::write(ends_[1], "x", 1) != 1) ::_exit(3);
  }
  int steps() {
    ::close(std::exchange(ends_[1], -1));
    int count = 0;
    char byte = 0;
    while (::read(ends_[0], &byte, 1) == 1) ++count;
    return count;
  }

 private:
  int ends_[2];
};

// Runs `work` in a child that is killed before its `number`th call; whether it was. How many steps it told: `steps`.
bool killed_before(int number, const std::function<void(const Progress&)>& work, int& steps) {
  Progress progress;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    WatchSystemCalls watch;
    watch.calls.kill_before = number;
    work(progress);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  steps = progress.steps();
  return WIFSIGNALED(status);
}

void must(bool condition) {
  if (!condition) ::_exit(2);
}

TEST_CASE("killed_before_any_system_call_the_latch_holds_the_last_acknowledged_mode_or_the_commanded_one") {
  const LatchRecord first = make_record(Mode::primary, Mode::primary, 1);
  bool was_killed = true;
  int calls = 0;
  for (; was_killed; ++calls) {
    const TemporaryFolder folder;
    const std::string path = latch_path(folder.path(), "salon");
    int acknowledged = 0;
    was_killed = killed_before(
        calls,
        [&](const Progress& progress) {
          auto latch = open_latch(path, read_latch(path), first);
          must(latch.ok());
          progress.step();
          for (uint64_t epoch = 2; epoch <= 4; ++epoch) {
            must((*latch)->store(make_record(Mode::primary, Mode::closed, epoch), OnFailure::keep).ok());
            progress.step();
          }
        },
        acknowledged);
    const LatchReading reading = read_latch(path);
    INFO("call " << calls << ", acknowledged " << acknowledged);
    const int found = reading.kind == LatchKind::valid ? static_cast<int>(reading.record.epoch) : 0;
    CHECK((reading.kind == LatchKind::valid || reading.kind == LatchKind::missing));
    CHECK((found == acknowledged || found == acknowledged + 1));
    if (acknowledged == 0 && found == 0) CHECK(reading.kind == LatchKind::missing);
  }
  CHECK(calls > 10);
}

// A freeze, a thaw that is refused, a thaw that is confirmed. Steps: 1 the latch is there, 2 the freeze is
// acknowledged, 3 the first thaw is refused, 4 the second is published, 5 it is acknowledged.
TEST_CASE("killed_before_any_system_call_a_refused_thaw_never_comes_true_and_an_acknowledged_one_stays") {
  const LatchRecord first = make_record(Mode::primary, Mode::primary, 1);
  const LatchRecord freeze = make_record(Mode::primary, Mode::primary_readonly, 2);
  LatchRecord refused = make_record(Mode::primary_readonly, Mode::primary, 3);
  refused.reason = "refused, with a longer record than the other";
  const LatchRecord thaw = make_record(Mode::primary_readonly, Mode::primary, 3);
  bool was_killed = true;
  int calls = 0;
  for (; was_killed; ++calls) {
    const TemporaryFolder folder;
    const std::string path = latch_path(folder.path(), "salon");
    int steps = 0;
    was_killed = killed_before(
        calls,
        [&](const Progress& progress) {
          auto latch = open_latch(path, read_latch(path), first);
          must(latch.ok());
          progress.step();
          must((*latch)->store(freeze, OnFailure::keep).ok());
          progress.step();
          must((*latch)->store(refused, OnFailure::revoke).ok());
          progress.step();
          must((*latch)->store(thaw, OnFailure::revoke).ok());
          progress.step();
          must((*latch)->store(thaw, OnFailure::keep).ok());
          progress.step();
        },
        steps);
    INFO("call " << calls << ", step " << steps);
    const Mode mode = start_state("salon", Mode::primary, read_latch(path), {}, WallTime{}).record.to;
    if (steps <= 1) CHECK((mode == Mode::primary || mode == Mode::primary_readonly));
    if (steps == 2 || steps == 3) CHECK(mode == Mode::primary_readonly);
    if (steps == 4) CHECK((mode == Mode::primary_readonly || mode == Mode::primary));
    if (steps == 5) CHECK(mode == Mode::primary);
  }
  CHECK(calls > 12);
}

TEST_CASE("killed_while_a_damaged_latch_is_replaced_the_next_start_is_read_only_too") {
  bool was_killed = true;
  for (int calls = 0; was_killed; ++calls) {
    const TemporaryFolder folder;
    const std::string path = latch_path(folder.path(), "salon");
    write_text(path, "garbage");
    int ignored = 0;
    const auto start = [&path] { return start_state("salon", Mode::primary, read_latch(path), {}, WallTime{}); };
    was_killed = killed_before(
        calls, [&](const Progress&) { must(open_latch(path, read_latch(path), start().record).ok()); }, ignored);
    INFO("call " << calls);
    CHECK(start().record.to == Mode::primary_readonly);
  }
}

TEST_CASE("killed_before_any_system_call_a_write_in_flight_is_listed_exactly_once") {
  bool was_killed = true;
  int calls = 0;
  for (; was_killed; ++calls) {
    const TemporaryFolder folder;
    int begun = 0;
    // A process that marks a write as uncertain, lists it and releases its slot; another write stays in flight.
    const auto work = [&](const Progress& progress) {
      HelperThread helper("list");
      auto list = UncertainList::open(folder.path(), helper);
      const InflightScan scan = scan_inflight(folder.path());
      must(list.ok() && (*list)->append_now(scan.writes).ok());
      auto file = InflightFile::open(inflight_path(folder.path(), 0), 4);
      must(file.ok());
      const std::string id = "id-" + std::to_string(scan.writes.size());
      const WriteRecord record{.wall_ms = 1'000 + static_cast<int64_t>(scan.writes.size()),
                               .request_id = id,
                               .service = "salon",
                               .epoch = 1,
                               .method = "POST",
                               .path = "/",
                               .client = "c",
                               .side = Side::primary,
                               .server = "s"};
      const auto ticket = (*file)->begin(record);
      WriteRecord other = record;
      other.request_id = "other";
      (*file)->begin(other);
      progress.step();
      const UncertainWrite write = (*file)->mark_uncertain(ticket.value(), 1, "because");
      must((*list)->append_now({write}).ok());
      (*file)->release_uncertain(*ticket);
    };
    was_killed = killed_before(calls, work, begun);
    INFO("call " << calls);
    for (int restart = 0; restart < 2; ++restart) {
      HelperThread helper("list");
      auto list = UncertainList::open(folder.path(), helper);
      REQUIRE(list.ok());
      REQUIRE((*list)->append_now(scan_inflight(folder.path()).writes).ok());
      CHECK((*list)->count("salon") == (begun == 1 ? 2U : 0U));
    }
    const std::string text = read_text(folder / "uncertain.jsonl");
    CHECK(std::count(text.begin(), text.end(), '\n') == (begun == 1 ? 2 : 0));
  }
  CHECK(calls > 5);
}

TEST_CASE("what_is_said_to_be_durable_has_been_synced") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  WatchSystemCalls watch;
  auto latch = open_latch(path, read_latch(path), make_record(Mode::primary, Mode::primary, 1));
  REQUIRE(latch.ok());
  CHECK(watch.calls.counts["fsync"] == 2);  // the file, then the folder that names it
  REQUIRE((*latch)->store(make_record(Mode::primary, Mode::closed, 2), OnFailure::keep).ok());
  CHECK(watch.calls.counts["fdatasync"] == 1);
  auto lines = AppendFile::open(folder / "lines");
  REQUIRE(lines.ok());
  REQUIRE((*lines)->append("one\n").ok());
  CHECK(watch.calls.counts["fdatasync"] == 2);
}

TEST_CASE("a_latch_on_a_full_disk_is_not_made_and_leaves_nothing_behind") {
  for (const char* failing : {"posix_fallocate", "pwrite", "fsync", "rename"}) {
    const TemporaryFolder folder;
    const std::string path = latch_path(folder.path(), "salon");
    {
      WatchSystemCalls watch;
      watch.calls.errors[failing] = ENOSPC;
      const auto latch = open_latch(path, {}, make_record(Mode::primary, Mode::primary, 1));
      INFO(failing);
      REQUIRE_FALSE(latch.ok());
      CHECK(latch.error().message.find("No space left on device") != std::string::npos);
    }
    CHECK(read_latch(path).kind == LatchKind::missing);
    CHECK(::access((path + ".new").c_str(), F_OK) != 0);
  }
}

TEST_CASE("a_full_disk_does_not_stop_the_restart_of_what_is_allocated") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  REQUIRE(open_latch(path, {}, make_record(Mode::primary, Mode::primary, 1)).ok());
  REQUIRE(InflightFile::open(folder / "inflight.0", 4).ok());
  WatchSystemCalls watch;
  auto latch = open_latch(path, read_latch(path), {});
  REQUIRE(latch.ok());
  CHECK((*latch)->store(make_record(Mode::primary, Mode::closed, 2), OnFailure::keep).ok());
  CHECK(InflightFile::open(folder / "inflight.0", 4).ok());
  CHECK(watch.calls.counts["rename"] == 0);
}

TEST_CASE("an_error_of_the_disk_is_told_by_the_latch_with_file_and_reason") {
  const TemporaryFolder folder;
  const std::string path = latch_path(folder.path(), "salon");
  auto latch = open_latch(path, {}, make_record(Mode::primary, Mode::primary, 1));
  REQUIRE(latch.ok());
  for (const char* failing : {"pwrite", "fdatasync"}) {
    WatchSystemCalls watch;
    watch.calls.errors[failing] = EIO;
    const Status status = (*latch)->store(make_record(Mode::primary, Mode::closed, 2), OnFailure::revoke);
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().message.find(path + ": Input/output error") != std::string::npos);
  }
  CHECK(read_latch(path).record.epoch == 1);
}

}  // namespace
}  // namespace halfdoor
