// Failback: the question to the primary, and the way back from backup-writable.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {

namespace {

FakeSwitch& in_backup(FakeSwitch& fake) {
  fake.config->services[0].failback.caught_up = "/caught-up";
  fake.complete(Verb::failover);
  fake.pass(Milliseconds(61'000));
  return fake;
}

FakeSwitch& in_writable(FakeSwitch& fake) {
  in_backup(fake).complete(Verb::promote);
  return fake;
}

}  // namespace

TEST_CASE("failback_asks_the_primary_first_and_goes_when_it_says_yes") {
  FakeSwitch fake;
  in_backup(fake);
  const size_t change = fake.ask(Verb::failback);
  REQUIRE(fake.questions.size() == 1);
  CHECK(fake.latch_jobs.empty());
  fake.questions.front()({true, "200 from 10.0.0.10:8080"});
  fake.sync();
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK(fake.published_mode() == Mode::primary);
}

TEST_CASE("failback_is_refused_when_the_primary_says_no") {
  FakeSwitch fake;
  in_backup(fake);
  const size_t change = fake.ask(Verb::failback);
  fake.questions.front()({false, "503 from 10.0.0.10:8080"});
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::caught_up});
  CHECK(fake.answer(change).refusals[0].message.find("503 from 10.0.0.10:8080") != std::string::npos);
}

TEST_CASE("an_override_does_not_ask_the_primary") {
  FakeSwitch fake;
  in_backup(fake);
  fake.ask(Verb::failback, Milliseconds(0), {Guard::caught_up});
  CHECK(fake.questions.empty());
  CHECK(fake.latch_jobs.size() == 1);
}

TEST_CASE("caught_up_is_not_asked_before_the_backup_is_fenced") {
  FakeSwitch fake;
  fake.config->services[0].failback.caught_up = "/caught-up";
  fake.config->services[0].failback.minimum_stay = Milliseconds(0);
  fake.ask(Verb::failover);
  fake.sync();
  fake.apply_all();
  fake.fence(0);
  const size_t change = fake.ask(Verb::failback);
  CHECK(fake.questions.empty());
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::caught_up});
}

TEST_CASE("a_failover_does_not_wait_for_a_failback_that_waits_for_the_primary") {
  FakeSwitch fake;
  in_backup(fake);
  const size_t failback = fake.ask(Verb::failback);
  const size_t failover = fake.ask(Verb::failover);
  CHECK(rules_of(fake.answer(failback)) == std::vector<Guard>{Guard::caught_up});
  CHECK(fake.answer(failover).kind == Kind::done);
  // The primary's late yes changes nothing any more.
  fake.questions.front()({true, "200"});
  CHECK(fake.latch_jobs.empty());
  CHECK(fake.service().record().to == Mode::backup_readonly);
}

TEST_CASE("a_second_failback_waits_for_the_first") {
  FakeSwitch fake;
  in_backup(fake);
  const size_t first = fake.ask(Verb::failback);
  const size_t second = fake.ask(Verb::failback);
  REQUIRE(fake.questions.size() == 1);
  fake.questions.front()({true, "200"});
  fake.sync();
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(first).kind == Kind::done);
  CHECK(fake.answer(second).kind == Kind::done);
}

TEST_CASE("a_dry_run_asks_the_primary_and_holds_up_nobody") {
  FakeSwitch fake;
  in_backup(fake);
  ModeRequest request;
  request.verb = Verb::failback;
  request.dry_run = true;
  const size_t trial = fake.ask(request);
  REQUIRE(fake.questions.size() == 1);
  fake.ask(Verb::close);
  CHECK(fake.latch_jobs.size() == 1);
  CHECK_FALSE(fake.answered(trial));
  fake.questions.front()({false, "404"});
  CHECK(fake.answer(trial).kind == Kind::refused);
}

TEST_CASE("failback_from_backup_writable_without_override_is_refused_before_anything_happens") {
  FakeSwitch fake;
  in_writable(fake);
  const size_t change = fake.ask(Verb::failback);
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::caught_up});
  CHECK(fake.latch_jobs.empty());
}

TEST_CASE("failback_with_override_freezes_waits_for_fenced_and_then_goes_back_in_two_epochs") {
  FakeSwitch fake;
  in_writable(fake);
  const size_t change = fake.ask(Verb::failback, Milliseconds(30'000), {Guard::caught_up});
  fake.sync();
  CHECK(fake.published_mode() == Mode::backup_readonly);
  fake.apply_all();
  fake.fence(0);
  CHECK(fake.latch_jobs.empty());
  CHECK_FALSE(fake.answered(change));
  fake.fence(1);
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.published_mode() == Mode::backup_readonly);
  fake.sync();
  CHECK(fake.published_mode() == Mode::primary);
  fake.apply_all();
  fake.fence_all();
  const ChangeAnswer& answer = fake.answer(change);
  CHECK(answer.kind == Kind::done);
  CHECK(answer.from == Mode::backup_writable);
  CHECK(answer.record.epoch == 5);
  CHECK_FALSE(answer.record.diverged);
  CHECK(answer.record.overrides == std::vector<std::string>{"caught-up"});
}

TEST_CASE("failback_stops_in_backup_readonly_if_fencing_fails") {
  FakeSwitch fake;
  in_writable(fake);
  const size_t change = fake.ask(Verb::failback, Milliseconds(60'000), {Guard::caught_up});
  fake.sync();
  fake.apply_all();
  fake.fence(0);
  fake.pass(Milliseconds(14'999));
  CHECK_FALSE(fake.answered(change));
  fake.pass(Milliseconds(1));
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::fenced});
  CHECK(fake.answer(change).record.to == Mode::backup_readonly);
  fake.fence(1);
  CHECK(fake.latch_jobs.empty());
}

TEST_CASE("a_close_between_the_two_steps_ends_the_failback") {
  FakeSwitch fake;
  in_writable(fake);
  const size_t failback = fake.ask(Verb::failback, Milliseconds(30'000), {Guard::caught_up});
  fake.sync();
  fake.apply_all();
  const size_t close = fake.ask(Verb::close);
  fake.sync();
  CHECK(fake.answer(failback).kind == Kind::incomplete);
  CHECK(fake.answer(failback).superseded_by == 5);
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(close).kind == Kind::done);
  CHECK(fake.latch_jobs.empty());
  CHECK(fake.service().record().to == Mode::closed);
}

TEST_CASE("the_caller_of_two_steps_may_stop_waiting_and_they_go_on") {
  FakeSwitch fake;
  in_writable(fake);
  const size_t change = fake.ask(Verb::failback, Milliseconds(0), {Guard::caught_up});
  fake.sync();
  fake.apply(0, 1);
  fake.apply(1);
  CHECK(fake.answer(change).kind == Kind::incomplete);
  CHECK(fake.answer(change).record.to == Mode::backup_readonly);
  fake.fence_all();
  fake.sync();
  CHECK(fake.published_mode() == Mode::primary);
  CHECK(fake.times_answered[change] == 1);
}

}  // namespace halfdoor
