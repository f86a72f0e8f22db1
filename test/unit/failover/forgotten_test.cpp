#include "failover/forgotten.h"

#include <catch2/catch.hpp>

#include "fixtures.h"

namespace halfdoor {
namespace {

constexpr Milliseconds kMinute{60'000};
constexpr Milliseconds kRemindAfter = 10 * kMinute;
const WallTime kNow = at("2026-11-22T18:00:00Z");

LatchRecord automatic_record() {
  LatchRecord record = make_record(Mode::primary, Mode::backup_readonly, 8);
  record.automatic = true;
  record.acknowledged = false;
  record.reason = "10.0.0.10:8080: connection refused for 3.0 s";
  return record;
}

std::string reasons(const LatchRecord& record, Milliseconds age, WallTime now = kNow) {
  std::string text;
  for (const Forgotten& one : forgotten(record, age, kRemindAfter, now)) {
    text += (text.empty() ? "" : " ") + std::string(to_text(one.why));
  }
  return text;
}

TEST_CASE("an_automatic_change_is_forgotten_when_nobody_acknowledged_it_for_so_long") {
  for (const Mode mode : kModes) {
    for (const bool automatic : {false, true}) {
      for (const bool acknowledged : {false, true}) {
        LatchRecord record = automatic_record();
        record.to = mode;
        record.automatic = automatic;
        record.acknowledged = acknowledged;
        CHECK(reasons(record, kRemindAfter - Milliseconds(1)).empty());
        CHECK(reasons(record, kRemindAfter) == (automatic && !acknowledged ? "unacknowledged" : ""));
        CHECK(forgotten_in(record, 4 * kMinute, kRemindAfter, kNow) ==
              (automatic && !acknowledged ? std::optional<Milliseconds>(6 * kMinute) : std::nullopt));
      }
    }
  }
}

TEST_CASE("a_mode_whose_time_is_over_is_told_whoever_chose_it") {
  LatchRecord record = make_record(Mode::primary, Mode::primary_readonly, 8);
  CHECK(reasons(record, 999 * kMinute).empty());
  record.until = kNow + Milliseconds(500);
  CHECK(reasons(record, kMinute).empty());
  CHECK(forgotten_in(record, kMinute, kRemindAfter, kNow) == Milliseconds(500));
  CHECK(reasons(record, kMinute, kNow + Milliseconds(500)) == "until_over");
  // The clock may be set back, or forward.
  record.until = kNow + std::chrono::hours(5);
  CHECK(forgotten_in(record, kMinute, kRemindAfter, kNow) == kMinute);
}

TEST_CASE("both_reasons_are_told_each_by_itself_and_with_the_command_that_keeps_the_mode") {
  LatchRecord record = automatic_record();
  record.until = kNow - 12 * kMinute;
  const std::vector<Forgotten> found = forgotten(record, 15 * kMinute, kRemindAfter, kNow);
  REQUIRE(found.size() == 2);
  CHECK(found[0].text ==
        "backup-readonly was to end at 2026-11-22T17:48:00Z, 12m ago, and does not end by itself: end it, or give it "
        "more time (halfdoor failover salon --until +2h)");
  CHECK(
      found[1].text ==
      "backup-readonly began without an operator 15m ago (10.0.0.10:8080: connection refused for 3.0 s) and nobody has "
      "acknowledged it: halfdoor failover salon does, and keeps it");
}

TEST_CASE("the_command_that_keeps_a_mode_is_one_that_changes_nothing_there") {
  for (const Mode mode : kModes) {
    for (const bool diverged : {false, true}) {
      const std::optional<Verb> verb = verb_for(mode, mode, diverged);
      REQUIRE(verb);
      CHECK(plan(mode, diverged, *verb).kind == PlanKind::no_change);
    }
  }
}

TEST_CASE("reminders_grow_rarer_up_to_an_hour") {
  std::optional<Milliseconds> pause;
  std::vector<int64_t> minutes;
  for (int i = 0; i < 6; ++i) {
    pause = next_reminder(pause, kRemindAfter);
    minutes.push_back(pause->count() / 60'000);
  }
  CHECK(minutes == std::vector<int64_t>{10, 20, 40, 60, 60, 60});
  pause = next_reminder(std::nullopt, std::chrono::hours(24));
  CHECK(next_reminder(pause, std::chrono::hours(24)) == std::chrono::hours(24));
}

}  // namespace
}  // namespace halfdoor
