// Forgotten modes: said in time, now and then, until somebody does something; and never left.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {
namespace {

constexpr Milliseconds kMinute{60'000};

size_t times_said(const FakeSwitch& fake, const std::string& what) {
  return static_cast<size_t>(std::count(fake.announced.begin(), fake.announced.end(), what));
}

void live(FakeSwitch& fake, Milliseconds span, Milliseconds step = Milliseconds(10'000)) {
  for (Milliseconds passed{0}; passed < span; passed += step) fake.pass(step);
}

FakeSwitch automatic_switch() {
  return FakeSwitch(Mode::backup_readonly, 2, make_config({"salon"}), [](LatchRecord& record) {
    record.automatic = true;
    record.acknowledged = false;
    record.time = WallTime{} + std::chrono::hours(24 * 365 * 50);
  });
}

size_t ask_until(FakeSwitch& fake, Verb verb, Milliseconds from_now) {
  ModeRequest request;
  request.verb = verb;
  request.until = fake.wall + from_now;
  return fake.ask(std::move(request));
}

TEST_CASE("an_automatic_change_that_nobody_acknowledges_is_said_at_growing_intervals_and_never_left") {
  FakeSwitch fake = automatic_switch();
  live(fake, 10 * kMinute - Milliseconds(10'000));
  CHECK(times_said(fake, "unacknowledged") == 0);
  CHECK(fake.service().forgotten_now().empty());
  live(fake, kMinute);
  CHECK(times_said(fake, "unacknowledged") == 1);
  CHECK(fake.service().forgotten_now().size() == 1);
  // After 20, 40, 80, 140, 200, ... minutes.
  live(fake, 200 * kMinute);
  CHECK(times_said(fake, "unacknowledged") == 6);
  CHECK(fake.published.empty());
  CHECK(fake.entries.empty());
}

TEST_CASE("an_operator_who_asks_for_the_mode_ends_the_reminders") {
  FakeSwitch fake = automatic_switch();
  live(fake, 11 * kMinute);
  REQUIRE(times_said(fake, "unacknowledged") == 1);
  fake.ask(Verb::failover);
  fake.sync();
  fake.apply_all();
  CHECK(fake.service().forgotten_now().empty());
  live(fake, 120 * kMinute);
  CHECK(times_said(fake, "unacknowledged") == 1);
}

TEST_CASE("the_end_of_an_until_is_said_at_once_and_changes_nothing") {
  FakeSwitch fake;
  ask_until(fake, Verb::freeze, 30 * kMinute);
  fake.sync();
  fake.apply_all();
  fake.fence_all();
  const size_t published = fake.published.size();
  live(fake, 30 * kMinute - Milliseconds(10'000));
  CHECK(times_said(fake, "until_over") == 0);
  live(fake, Milliseconds(10'000));
  CHECK(times_said(fake, "until_over") == 1);
  live(fake, 24 * 60 * kMinute, kMinute);
  CHECK(times_said(fake, "until_over") > 20);
  CHECK(times_said(fake, "until_over") < 30);
  CHECK(fake.published.size() == published);
  CHECK(fake.latch_jobs.empty());
  CHECK(fake.last_job == 1);
  CHECK(fake.service().record().to == Mode::primary_readonly);
}

TEST_CASE("another_until_ends_the_reminders_until_then") {
  FakeSwitch fake;
  ask_until(fake, Verb::freeze, kMinute);
  fake.sync();
  fake.apply_all();
  live(fake, 2 * kMinute);
  REQUIRE(times_said(fake, "until_over") == 1);
  ask_until(fake, Verb::freeze, 60 * kMinute);
  fake.sync();
  fake.apply_all();
  live(fake, 59 * kMinute);
  CHECK(times_said(fake, "until_over") == 1);
  live(fake, 2 * kMinute);
  CHECK(times_said(fake, "until_over") == 2);
}

TEST_CASE("a_clock_that_is_set_forward_is_noticed_within_a_minute") {
  FakeSwitch fake;
  ask_until(fake, Verb::freeze, std::chrono::hours(5));
  fake.sync();
  fake.apply_all();
  fake.wall += std::chrono::hours(6);
  live(fake, kMinute);
  CHECK(times_said(fake, "until_over") == 1);
}

TEST_CASE("a_second_reason_is_said_when_it_comes_and_does_not_wait_for_the_next_reminder") {
  FakeSwitch fake(Mode::backup_readonly, 2, make_config({"salon"}), [](LatchRecord& record) {
    record.automatic = true;
    record.acknowledged = false;
    record.time = WallTime{} + std::chrono::hours(24 * 365 * 50);
    record.until = record.time + std::chrono::minutes(75);
  });
  live(fake, 75 * kMinute - Milliseconds(10'000));
  CHECK(times_said(fake, "unacknowledged") == 3);
  CHECK(times_said(fake, "until_over") == 0);
  live(fake, Milliseconds(10'000));
  CHECK(times_said(fake, "until_over") == 1);
}

TEST_CASE("what_was_forgotten_before_a_restart_is_said_after_it") {
  FakeSwitch fake(Mode::backup_readonly, 2, make_config({"salon"}), [](LatchRecord& record) {
    record.automatic = true;
    record.acknowledged = false;
    record.time = WallTime{} + std::chrono::hours(24 * 365 * 50 - 3);
  });
  fake.coordinator->on_time();
  CHECK(times_said(fake, "unacknowledged") == 1);
}

}  // namespace
}  // namespace halfdoor
