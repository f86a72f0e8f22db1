// A change towards writes is done only when a restart would know of it.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {
namespace {

struct Confirmed : FakeSwitch {
  explicit Confirmed(Mode mode = Mode::primary_readonly) : FakeSwitch(mode) { confirms_at_once = false; }

  void everywhere() {
    apply_all();
    fence_all();
  }
};

ModeRequest thaw_within(Milliseconds wait) {
  ModeRequest request;
  request.verb = Verb::thaw;
  request.wait = wait;
  return request;
}

TEST_CASE("a_change_towards_writes_is_confirmed_after_its_publication_and_before_its_answer") {
  Confirmed fake;
  const size_t thaw = fake.ask(Verb::thaw);
  CHECK(fake.latch_jobs.begin()->second.on_failure == OnFailure::revoke);
  fake.sync();
  REQUIRE(fake.published_mode() == Mode::primary);
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.on_failure == OnFailure::keep);
  CHECK(fake.latch_jobs.begin()->second.record == fake.service().record());
  fake.everywhere();
  CHECK_FALSE(fake.answered(thaw));
  CHECK_FALSE(fake.service().persisted());
  fake.sync();
  REQUIRE(fake.answered(thaw));
  CHECK(fake.answer(thaw).kind == Kind::done);
  CHECK(fake.answer(thaw).persisted);
}

TEST_CASE("a_change_towards_fewer_writes_needs_no_confirmation") {
  Confirmed fake(Mode::primary);
  const size_t freeze = fake.ask(Verb::freeze);
  fake.sync();
  CHECK(fake.latch_jobs.empty());
  fake.everywhere();
  CHECK(fake.answer(freeze).kind == Kind::done);
}

TEST_CASE("a_confirmation_that_hangs_is_told_as_not_persisted_when_the_wait_is_over") {
  Confirmed fake;
  const size_t thaw = fake.ask(thaw_within(Milliseconds(2'000)));
  fake.sync();
  fake.everywhere();
  fake.pass(Milliseconds(1'999));
  CHECK_FALSE(fake.answered(thaw));
  fake.pass(Milliseconds(1));
  REQUIRE(fake.answered(thaw));
  CHECK(fake.answer(thaw).kind == Kind::incomplete);
  CHECK(fake.answer(thaw).applied);
  CHECK_FALSE(fake.answer(thaw).persisted);
  CHECK(fake.published_mode() == Mode::primary);
  fake.sync();
  CHECK(fake.service().persisted());
}

TEST_CASE("without_a_wait_a_confirmation_has_a_second") {
  Confirmed fake;
  const size_t quick = fake.ask(thaw_within(Milliseconds(0)));
  fake.sync();
  fake.everywhere();
  fake.pass(Milliseconds(500));
  CHECK_FALSE(fake.answered(quick));
  fake.sync();
  CHECK(fake.answer(quick).kind == Kind::done);

  Confirmed slow;
  const size_t late = slow.ask(thaw_within(Milliseconds(0)));
  slow.sync();
  slow.everywhere();
  slow.pass(Milliseconds(1'000));
  REQUIRE(slow.answered(late));
  CHECK(slow.answer(late).kind == Kind::incomplete);
}

TEST_CASE("whoever_asks_for_the_same_mode_again_waits_for_the_confirmation_too") {
  Confirmed fake;
  fake.ask(Verb::thaw);
  fake.sync();
  fake.everywhere();
  const size_t again = fake.ask(Verb::thaw);
  CHECK_FALSE(fake.answered(again));
  fake.sync();
  CHECK(fake.answer(again).kind == Kind::done);
}

TEST_CASE("a_confirmation_that_fails_is_tried_again_until_the_disk_takes_it") {
  Confirmed fake;
  const size_t thaw = fake.ask(Verb::thaw);
  fake.sync();
  fake.everywhere();
  for (int i = 0; i < 3; ++i) {
    fake.fail_sync("Input/output error");
    CHECK(fake.latch_jobs.empty());
    CHECK_FALSE(fake.answered(thaw));
    fake.pass(Milliseconds(1'000));
    REQUIRE(fake.latch_jobs.size() == 1);
    CHECK(fake.latch_jobs.begin()->second.record == fake.service().record());
  }
  fake.sync();
  CHECK(fake.answer(thaw).kind == Kind::done);
}

TEST_CASE("an_override_of_not_persisted_does_not_wait_for_a_confirmation") {
  Confirmed fake;
  const size_t thaw = fake.ask(Verb::thaw, Milliseconds(30'000), {Guard::not_persisted});
  fake.fail_sync("Input/output error");
  REQUIRE(fake.published_mode() == Mode::primary);
  fake.everywhere();
  CHECK(fake.answer(thaw).kind == Kind::done);
  CHECK_FALSE(fake.answer(thaw).persisted);
}

TEST_CASE("a_freeze_does_not_wait_for_the_confirmation_of_the_thaw_before_it") {
  Confirmed fake;
  const size_t thaw = fake.ask(Verb::thaw);
  fake.sync();
  fake.everywhere();
  const size_t freeze = fake.ask(Verb::freeze);
  fake.pass(Milliseconds(250));
  REQUIRE(fake.published_mode() == Mode::primary_readonly);
  CHECK(fake.answer(thaw).kind == Kind::incomplete);
  CHECK(fake.answer(thaw).superseded_by == 3);
  fake.everywhere();
  CHECK(fake.answer(freeze).kind == Kind::done);
  CHECK_FALSE(fake.answer(freeze).persisted);
  fake.sync();  // the confirmation, late
  CHECK_FALSE(fake.service().persisted());
  fake.sync();
  CHECK(fake.service().persisted());
}

TEST_CASE("the_second_of_two_steps_is_confirmed_and_the_first_is_not") {
  Confirmed fake(Mode::backup_writable);
  fake.time += std::chrono::hours(1);
  const size_t failback = fake.ask(Verb::failback, Milliseconds(30'000), {Guard::caught_up});
  fake.sync();
  CHECK(fake.latch_jobs.empty());
  fake.everywhere();
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.sync();
  REQUIRE(fake.published_mode() == Mode::primary);
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.everywhere();
  CHECK_FALSE(fake.answered(failback));
  fake.sync();
  CHECK(fake.answer(failback).kind == Kind::done);
}

TEST_CASE("a_start_whose_record_the_latch_does_not_hold_writes_it_as_soon_as_it_can") {
  FakeSwitch fake;
  std::vector<LatchRecord> records{record_in("salon", Mode::primary_readonly, 10)};
  SwitchCoordinator coordinator(fake, std::make_shared<const ConfigGeneration>(fake.config), 2, records, nullptr, {0});
  CHECK_FALSE(coordinator.service(0).persisted());
  REQUIRE(coordinator.next_deadline() <= fake.time);
  coordinator.on_time();
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record == records[0]);
  fake.fail_sync("Input/output error");
  CHECK_FALSE(coordinator.service(0).persisted());
  fake.time += std::chrono::seconds(1);
  coordinator.on_time();
  fake.sync();
  CHECK(coordinator.service(0).persisted());
}

}  // namespace
}  // namespace halfdoor
