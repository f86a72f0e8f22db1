// Workers that are late or stuck, commands that come at the same time, callers that do not wait.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {

TEST_CASE("wait_0_answers_at_applied_and_is_done_if_nothing_drains") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover, Milliseconds(0));
  fake.sync();
  fake.apply_all();
  // The second message of each worker is on its way.
  CHECK_FALSE(fake.answered(change));
  fake.fence_all();
  CHECK(fake.answer(change).kind == Kind::done);
}

TEST_CASE("wait_0_answers_at_applied_that_it_is_not_fenced_yet") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover, Milliseconds(0));
  fake.sync();
  fake.apply(0, 1);
  CHECK_FALSE(fake.answered(change));
  fake.apply(1);
  CHECK(fake.answer(change).kind == Kind::incomplete);
  CHECK(fake.answer(change).applied);
  CHECK_FALSE(fake.answer(change).fenced);
  CHECK_FALSE(fake.answer(change).superseded_by);
}

TEST_CASE("a_wait_that_ends_while_draining_says_so_and_the_change_goes_on") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover, Milliseconds(2'000));
  fake.sync();
  fake.apply_all();
  fake.fence(0);
  fake.pass(Milliseconds(1'999));
  CHECK_FALSE(fake.answered(change));
  fake.pass(Milliseconds(1));
  CHECK(fake.answer(change).kind == Kind::incomplete);
  CHECK(fake.answer(change).applied);
  fake.fence(1);
  CHECK(fake.service().fenced());
  CHECK(fake.times_answered[change] == 1);
}

TEST_CASE("a_stuck_worker_is_named_not_safe_after_one_second") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover, Milliseconds(3'000));
  fake.sync();
  fake.apply(0);
  fake.pass(Milliseconds(999));
  CHECK(fake.coordinator->not_safe().empty());
  fake.pass(Milliseconds(1));
  REQUIRE(fake.coordinator->not_safe().size() == 1);
  CHECK(fake.coordinator->not_safe()[0].find("worker 1 has not applied epoch 2") != std::string::npos);
  CHECK(fake.announced.back() == "not_safe");
  fake.pass(Milliseconds(2'000));
  CHECK(fake.answer(change).kind == Kind::incomplete);
  CHECK_FALSE(fake.answer(change).applied);
  CHECK(fake.answer(change).applied_workers == 1);
  CHECK(fake.answer(change).not_safe.size() == 1);
  fake.apply(1);
  CHECK(fake.coordinator->not_safe().empty());
}

TEST_CASE("a_caller_that_does_not_wait_is_not_kept_by_a_stuck_worker") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover, Milliseconds(0));
  fake.sync();
  fake.apply(0);
  fake.pass(Milliseconds(1'000));
  CHECK(fake.answer(change).kind == Kind::incomplete);
  CHECK_FALSE(fake.answer(change).applied);
}

TEST_CASE("a_worker_that_is_stuck_for_worker_stall_ends_the_process") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.sync();
  fake.apply(0);
  fake.pass(Milliseconds(4'999));
  CHECK(fake.stalled.empty());
  fake.pass(Milliseconds(1));
  CHECK(fake.stalled == std::vector<int>{1});
}

TEST_CASE("a_worker_that_applies_in_time_does_not_end_the_process") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.sync();
  fake.pass(Milliseconds(4'000));
  fake.apply_all();
  fake.pass(Milliseconds(60'000));
  CHECK(fake.stalled.empty());
}

TEST_CASE("a_process_that_was_stopped_does_not_blame_its_workers") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.sync();
  // SIGSTOP for an hour: nobody was awake.
  fake.time += std::chrono::hours(1);
  fake.coordinator->on_time();
  CHECK(fake.stalled.empty());
  fake.pass(Milliseconds(5'000));
  CHECK(fake.stalled == std::vector<int>{0, 1});
}

TEST_CASE("a_change_during_the_drain_of_another_starts_at_once_and_supersedes_it") {
  FakeSwitch fake;
  const size_t failover = fake.ask(Verb::failover);
  fake.sync();
  fake.apply(0, 1);
  fake.apply(1, 0);
  const size_t close = fake.ask(Verb::close);
  CHECK_FALSE(fake.answered(failover));
  fake.sync();
  REQUIRE(fake.answered(failover));
  CHECK(fake.answer(failover).kind == Kind::incomplete);
  CHECK(fake.answer(failover).superseded_by == 3);
  CHECK(fake.answer(failover).applied);
  CHECK(fake.answer(failover).record.epoch == 2);
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(close).kind == Kind::done);
  // The history knows that the first one was never fenced.
  REQUIRE(fake.fenced_entries.size() == 2);
  CHECK(fake.fenced_entries[0].epoch == 2);
  CHECK_FALSE(fake.fenced_entries[0].fenced_ms);
}

TEST_CASE("a_refused_change_does_not_supersede") {
  FakeSwitch fake;
  const size_t failover = fake.ask(Verb::failover);
  fake.sync();
  fake.apply_all();
  const size_t thaw = fake.ask(Verb::thaw);
  CHECK(fake.answer(thaw).kind == Kind::refused);
  CHECK_FALSE(fake.answered(failover));
  fake.fence_all();
  CHECK(fake.answer(failover).kind == Kind::done);
}

TEST_CASE("the_same_command_twice_is_done_only_when_the_first_is") {
  FakeSwitch fake;
  const size_t first = fake.ask(Verb::failover);
  const size_t second = fake.ask(Verb::failover);
  fake.sync();
  CHECK(fake.latch_jobs.empty());
  fake.apply_all();
  // Promise P1 holds for the second caller too.
  CHECK_FALSE(fake.answered(second));
  fake.fence_all();
  CHECK(fake.answer(first).kind == Kind::done);
  CHECK(fake.answer(second).kind == Kind::done);
  CHECK(fake.answer(second).record.epoch == 2);
  CHECK(fake.published.size() == 1);
}

TEST_CASE("changes_are_serialised_until_applied") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.ask(Verb::close);
  fake.sync();
  fake.apply(0);
  CHECK(fake.latch_jobs.empty());
  fake.apply(1);
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record.to == Mode::closed);
}

TEST_CASE("a_close_waits_for_a_stuck_worker_no_longer_than_one_second") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.sync();
  fake.apply(0);
  fake.ask(Verb::close);
  fake.pass(Milliseconds(999));
  CHECK(fake.latch_jobs.empty());
  fake.pass(Milliseconds(1));
  CHECK(fake.latch_jobs.size() == 1);
}

TEST_CASE("a_change_towards_writes_never_begins_before_every_worker_has_applied_the_last_one") {
  FakeSwitch fake;
  fake.ask(Verb::freeze);
  fake.sync();
  fake.apply(0);
  const size_t thaw = fake.ask(Verb::thaw, Milliseconds(3'000));
  fake.pass(Milliseconds(4'000));
  CHECK(fake.latch_jobs.empty());
  CHECK(fake.answer(thaw).kind == Kind::incomplete);
  CHECK(fake.answer(thaw).generation == 0);
  CHECK_FALSE(fake.answer(thaw).applied);
}

TEST_CASE("acknowledgements_of_superseded_epochs_are_ignored") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.sync();
  fake.apply_all();
  const size_t close = fake.ask(Verb::close);
  fake.sync();
  FencedReport late;
  late.epoch = 2;
  fake.coordinator->on_fenced(0, late);
  fake.coordinator->on_fenced(1, late);
  fake.apply_all();
  CHECK_FALSE(fake.answered(close));
  CHECK_FALSE(fake.service().fenced());
}

TEST_CASE("an_answer_may_ask_again") {
  FakeSwitch fake;
  bool closed = false;
  ModeRequest request;
  request.verb = Verb::failover;
  request.actor = "uid:0(root)";
  fake.coordinator->ask(0, request, [&](const ChangeAnswer&) {
    ModeRequest next = request;
    next.verb = Verb::close;
    fake.coordinator->ask(0, next, [&](const ChangeAnswer&) { closed = true; });
  });
  for (int i = 0; i < 2; ++i) {
    fake.sync();
    fake.apply_all();
    fake.fence_all();
  }
  CHECK(closed);
}

}  // namespace halfdoor
