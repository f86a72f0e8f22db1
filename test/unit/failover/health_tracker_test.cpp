#include "failover/health_tracker.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace halfdoor {
namespace {

using Ms = Milliseconds;
constexpr SteadyTime kStart = SteadyTime{} + std::chrono::hours(1);

HealthConfig rules_of(int rise, int fall, Ms interval = Ms(1'000)) {
  HealthConfig rules;
  rules.rise = rise;
  rules.fall = fall;
  rules.interval = interval;
  return rules;
}

char letter(Health health) { return health == Health::unknown ? '?' : health == Health::healthy ? '+' : '-'; }

// Each result "p"assed or "f"ailed, or "r"epeated, and the health after it: "?", "+" or "-".
std::string healths_after(const HealthConfig& rules, std::string_view results) {
  HealthTracker tracker(rules, kStart, 0);
  std::string healths;
  SteadyTime now = kStart;
  for (const char result : results) {
    now = std::max(now, tracker.due());
    const Health before = tracker.health();
    tracker.begin(now);
    if (result == 'r') {
      tracker.repeat(now);
    } else {
      const bool changed = tracker.end(result == 'p', now);
      CHECK(changed == (tracker.health() != before));
    }
    healths += letter(tracker.health());
  }
  return healths;
}

// How long after the begin of a check that took `took` the next one is due.
Ms pause_after(HealthTracker& tracker, bool passed, Ms took = Ms(1)) {
  const SteadyTime begun = tracker.due();
  tracker.begin(begun);
  tracker.end(passed, begun + took);
  return std::chrono::duration_cast<Ms>(tracker.due() - begun);
}

}  // namespace

TEST_CASE("health_follows_from_the_results_by_rise_and_fall") {
  struct Row {
    int rise, fall;
    const char* results;
    const char* healths;
  };
  const Row rows[] = {// The first check alone decides.
                      {2, 3, "p", "+"},
                      {2, 3, "f", "-"},
                      {5, 5, "p", "+"},
                      {5, 5, "f", "-"},
                      {1, 1, "pfpf", "+-+-"},
                      {2, 3, "pffp", "++++"},
                      {2, 3, "pfff", "+++-"},
                      {2, 3, "pffpffpfff", "+++++++++-"},
                      {2, 3, "fppf", "--++"},
                      {2, 3, "fpfpp", "----+"},
                      {2, 3, "ppppfffpp", "++++++--+"},
                      {3, 1, "fppp", "---+"},
                      {1, 3, "fp", "-+"},
                      {2, 3, "fpppff", "--++++"},
                      // What was not counted neither decides, nor breaks or lengthens a row.
                      {2, 3, "rrp", "??+"},
                      {2, 3, "prfrfrfr", "++++++--"},
                      {2, 3, "frprp", "----+"}};
  for (const Row& row : rows) {
    CAPTURE(row.rise, row.fall, row.results);
    CHECK(healths_after(rules_of(row.rise, row.fall), row.results) == row.healths);
  }
}

TEST_CASE("the_first_check_is_due_at_once_whatever_the_spread") {
  const HealthConfig rules = rules_of(2, 3);
  for (const double spread : {0.0, 0.5, 0.999}) {
    const HealthTracker tracker(rules, kStart, spread);
    CHECK(tracker.health() == Health::unknown);
    CHECK_FALSE(tracker.is_checking());
    CHECK(tracker.due() == kStart);
  }
}

TEST_CASE("servers_that_start_together_do_not_stay_in_step") {
  const HealthConfig rules = rules_of(2, 3);
  for (const auto& [spread, first] : {std::pair(0.0, Ms(250)), {0.5, Ms(625)}, {0.999, Ms(999)}}) {
    HealthTracker tracker(rules, kStart, spread);
    CHECK(pause_after(tracker, true) == first);
    CHECK(pause_after(tracker, true) == Ms(1'000));
    CHECK(pause_after(tracker, true) == Ms(1'000));
  }
}

TEST_CASE("checks_come_four_times_as_fast_while_the_results_contradict_the_health") {
  const HealthConfig rules = rules_of(2, 3);
  HealthTracker tracker(rules, kStart, 0);
  pause_after(tracker, true);
  CHECK(pause_after(tracker, true) == Ms(1'000));
  CHECK(pause_after(tracker, false) == Ms(250));
  CHECK(pause_after(tracker, false) == Ms(250));
  // Decided.
  CHECK(pause_after(tracker, false) == Ms(1'000));
  CHECK(tracker.health() == Health::unhealthy);
  CHECK(pause_after(tracker, false) == Ms(1'000));
  CHECK(pause_after(tracker, true) == Ms(250));
  CHECK(pause_after(tracker, true) == Ms(1'000));
  CHECK(tracker.health() == Health::healthy);
}

TEST_CASE("fast_is_a_quarter_of_the_interval_within_bounds") {
  for (const auto& [interval, fast] : {std::pair(Ms(10), Ms(10)),
                                       {Ms(100), Ms(100)},
                                       {Ms(300), Ms(100)},
                                       {Ms(400), Ms(100)},
                                       {Ms(8'000), Ms(2'000)}}) {
    const HealthConfig rules = rules_of(2, 3, interval);
    HealthTracker tracker(rules, kStart, 0);
    pause_after(tracker, true);
    CHECK(pause_after(tracker, true) == interval);
    CHECK(pause_after(tracker, false) == fast);
  }
}

TEST_CASE("a_check_that_takes_longer_than_the_pause_is_followed_at_once") {
  const HealthConfig rules = rules_of(2, 3);
  HealthTracker tracker(rules, kStart, 0);
  pause_after(tracker, true);
  CHECK(pause_after(tracker, false, Ms(500)) == Ms(500));
  CHECK(pause_after(tracker, true, Ms(3'000)) == Ms(3'000));
}

TEST_CASE("suspicion_brings_the_next_check_forward_and_changes_nothing_else") {
  const HealthConfig rules = rules_of(2, 3);
  HealthTracker tracker(rules, kStart, 0);
  pause_after(tracker, true);
  pause_after(tracker, true);
  const SteadyTime begun = tracker.due() - Ms(1'000);

  SECTION("long after the last check: now") {
    tracker.suspect(begun + Ms(700));
    CHECK(tracker.due() == begun + Ms(700));
    tracker.suspect(begun + Ms(800));
    CHECK(tracker.due() == begun + Ms(700));
    // Once only.
    CHECK(pause_after(tracker, true) == Ms(1'000));
  }
  SECTION("soon after the last check: never more often than every 100 ms") {
    tracker.suspect(begun + Ms(20));
    CHECK(tracker.due() == begun + Ms(100));
  }
  SECTION("a check that is due already stays due") {
    const SteadyTime due = tracker.due();
    tracker.suspect(due + Ms(300));
    CHECK(tracker.due() == due);
  }
  SECTION("while a check is in flight: it is not doubled, the one behind it comes soon") {
    tracker.begin(begun + Ms(1'000));
    tracker.suspect(begun + Ms(1'001));
    CHECK(tracker.is_checking());
    tracker.end(true, begun + Ms(1'002));
    CHECK(tracker.due() == begun + Ms(1'100));
    CHECK(pause_after(tracker, true) == Ms(1'000));
  }
  CHECK(tracker.health() == Health::healthy);
}

TEST_CASE("suspicion_without_end_never_decides_anything") {
  const HealthConfig rules = rules_of(1, 1);
  HealthTracker tracker(rules, kStart, 0);
  SteadyTime now = kStart;
  tracker.suspect(now);
  CHECK(tracker.health() == Health::unknown);
  pause_after(tracker, true);
  for (int i = 0; i < 1'000; ++i) tracker.suspect(now += Ms(1));
  CHECK(tracker.health() == Health::healthy);
}

TEST_CASE("with_an_interval_below_100_ms_suspicion_does_not_slow_checks_down") {
  const HealthConfig rules = rules_of(2, 3, Ms(20));
  HealthTracker tracker(rules, kStart, 0);
  pause_after(tracker, true);
  pause_after(tracker, true);
  const SteadyTime due = tracker.due();
  tracker.suspect(due - Ms(19));
  CHECK(tracker.due() == due);
}

TEST_CASE("what_did_not_count_is_made_again_soon") {
  const HealthConfig rules = rules_of(2, 3);
  HealthTracker tracker(rules, kStart, 0);
  tracker.begin(kStart);
  tracker.repeat(kStart + Ms(10));
  CHECK(tracker.due() == kStart + Ms(250));
  tracker.begin(tracker.due());
  // The process was stopped for a minute.
  const SteadyTime awake = tracker.due() + Ms(60'000);
  tracker.repeat(awake);
  CHECK(tracker.due() == awake);
  CHECK(tracker.health() == Health::unknown);
}

}  // namespace halfdoor
