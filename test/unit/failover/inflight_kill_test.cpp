// Processes that are killed while they have writes in flight.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <vector>

#include "fixtures.h"
#include "inflight_sample.h"

namespace halfdoor {
namespace {

TEST_CASE("a_killed_process_leaves_what_it_had_in_flight_and_what_was_uncertain") {
  const TemporaryFolder folder;
  const std::string path = folder / "inflight.0";
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto file = InflightFile::open(path, 16);
    if (!file.ok()) ::_exit(1);
    const auto first = (*file)->begin(Sample(1).record());
    (*file)->begin(Sample(2).record());
    const auto third = (*file)->begin(Sample(3).record());
    (*file)->begin(Sample(4).record());
    (*file)->clear(*first);
    (*file)->mark_uncertain(*third, 99, "reset by the server");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  const InflightScan scan = scan_inflight_file(path);
  CHECK(scan.warnings.empty());
  REQUIRE(scan.writes.size() == 3);
  for (const UncertainWrite& write : scan.writes) {
    check_whole(write);
    CHECK(write.why == (write.wall_ms == 3 ? "reset by the server" : "halfdoor stopped"));
    CHECK(write.bytes_sent == (write.wall_ms == 3 ? 99U : 0U));
  }
}

// Reuses two slots as fast as it can until it is killed.
[[noreturn]] void work_until_killed(const std::string& path, int ready) {
  auto file = InflightFile::open(path, 2);
  if (!file.ok()) ::_exit(1);
  std::vector<Sample> samples;
  for (uint64_t n = 0; n < 8; ++n) samples.emplace_back(std::stoull(std::string(8, static_cast<char>('1' + n))));
  for (uint64_t n = 0;; ++n) {
    const auto ticket = (*file)->begin(samples[n % 8].record());
    const auto other = (*file)->begin(samples[(n + 1) % 8].record());
    if (n == 100 && ::write(ready, "x", 1) != 1) ::_exit(1);
    (*file)->clear(*other);
    if (n % 3 == 0) {
      (*file)->mark_uncertain(*ticket, n, "because");
      (*file)->release_uncertain(*ticket);
    } else {
      (*file)->clear(*ticket);
    }
  }
}

TEST_CASE("killed_between_any_two_stores_a_slot_is_free_or_a_whole_identity") {
  const TemporaryFolder folder;
  const std::string path = folder / "inflight.0";
  size_t found = 0;
  for (int round = 0; round < 150; ++round) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) work_until_killed(path, pipe_ends[1]);
    char byte = 0;
    REQUIRE(::read(pipe_ends[0], &byte, 1) == 1);
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    const InflightScan scan = scan_inflight_file(path);
    CHECK(scan.warnings.empty());
    for (const UncertainWrite& write : scan.writes) check_whole(write);
    found += scan.writes.size();
  }
  CHECK(found > 0);
}

}  // namespace
}  // namespace halfdoor
