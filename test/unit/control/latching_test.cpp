// Mode changes on disks that fail, hang, or answer late.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {

TEST_CASE("towards_fewer_writes_a_hanging_disk_is_waited_for_250_ms_and_no_longer") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover);
  fake.pass(Milliseconds(249));
  CHECK(fake.published.empty());
  fake.pass(Milliseconds(1));
  REQUIRE(fake.published.size() == 1);
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK_FALSE(fake.answer(change).persisted);
  CHECK_FALSE(fake.service().persisted());
  fake.sync();
  CHECK(fake.service().persisted());
  CHECK(fake.announced.back() == "persisted");
}

TEST_CASE("a_dry_run_knows_of_a_disk_that_hangs") {
  FakeSwitch fake;
  fake.ask(Verb::freeze);
  fake.pass(Milliseconds(600));
  fake.apply_all();
  fake.fence_all();
  ModeRequest request;
  request.verb = Verb::thaw;
  request.dry_run = true;
  const size_t trial = fake.ask(request);
  CHECK(rules_of(fake.answer(trial)) == std::vector<Guard>{Guard::not_persisted});
  fake.sync();
  const size_t again = fake.ask(request);
  CHECK(fake.answer(again).kind == Kind::done);
}

TEST_CASE("towards_fewer_writes_a_failing_disk_stops_nothing_and_is_tried_again") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::freeze);
  CHECK(fake.latch_jobs.begin()->second.on_failure == OnFailure::keep);
  fake.fail_sync("No space left on device");
  REQUIRE(fake.published.size() == 1);
  fake.apply_all();
  fake.fence_all();
  CHECK_FALSE(fake.answer(change).persisted);
  CHECK(fake.latch_jobs.empty());
  fake.pass(Milliseconds(1'000));
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record == fake.service().record());
  fake.fail_sync("No space left on device");
  fake.pass(Milliseconds(1'000));
  fake.sync();
  CHECK(fake.service().persisted());
  fake.pass(Milliseconds(5'000));
  CHECK(fake.latch_jobs.empty());
}

TEST_CASE("towards_more_writes_nothing_is_published_before_the_sync") {
  FakeSwitch fake(Mode::primary_readonly);
  const size_t change = fake.ask(Verb::thaw);
  CHECK(fake.latch_jobs.begin()->second.on_failure == OnFailure::revoke);
  fake.pass(Milliseconds(4'900));
  CHECK(fake.published.empty());
  CHECK_FALSE(fake.answered(change));
  fake.sync();
  CHECK(fake.published_mode() == Mode::primary);
}

TEST_CASE("towards_more_writes_a_failing_disk_refuses_by_not_persisted") {
  FakeSwitch fake(Mode::primary_readonly);
  const size_t change = fake.ask(Verb::thaw);
  fake.fail_sync("Input/output error");
  CHECK(fake.answer(change).kind == Kind::refused);
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::not_persisted});
  CHECK(fake.answer(change).refusals[0].message.find("Input/output error") != std::string::npos);
  CHECK(fake.published.empty());
  CHECK(fake.service().record().to == Mode::primary_readonly);
}

TEST_CASE("towards_more_writes_a_hanging_disk_refuses_and_withdraws_the_record") {
  FakeSwitch fake(Mode::primary_readonly);
  const size_t change = fake.ask(Verb::thaw);
  fake.pass(Milliseconds(5'000));
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::not_persisted});
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.withdrawn);
  fake.finish_latch(false, "");
  CHECK(fake.latch_jobs.empty());
  CHECK(fake.service().persisted());
}

TEST_CASE("a_record_that_was_withdrawn_too_late_is_overwritten_by_the_present_one") {
  FakeSwitch fake(Mode::primary_readonly);
  fake.ask(Verb::thaw);
  fake.pass(Milliseconds(5'000));
  fake.finish_latch(true, "");
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record.to == Mode::primary_readonly);
  CHECK_FALSE(fake.service().persisted());
  fake.sync();
  CHECK(fake.service().persisted());
}

TEST_CASE("a_refused_record_that_could_not_be_taken_back_is_overwritten_by_the_present_one") {
  FakeSwitch fake(Mode::primary_readonly);
  const size_t change = fake.ask(Verb::thaw);
  fake.finish_latch(false, "Read-only file system", /*in_doubt=*/true);
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::not_persisted});
  CHECK_FALSE(fake.answer(change).persisted);
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record.to == Mode::primary_readonly);
  fake.fail_sync("Read-only file system");
  CHECK_FALSE(fake.service().persisted());
  fake.pass(Milliseconds(1'000));
  fake.sync();
  CHECK(fake.service().persisted());
}

TEST_CASE("a_failover_does_not_wait_behind_a_thaw_that_waits_for_the_disk") {
  FakeSwitch fake(Mode::primary_readonly);
  const size_t thaw = fake.ask(Verb::thaw);
  fake.pass(Milliseconds(1'000));
  const size_t failover = fake.ask(Verb::failover);
  CHECK(rules_of(fake.answer(thaw)) == std::vector<Guard>{Guard::not_persisted});
  fake.pass(Milliseconds(250));
  CHECK(fake.published_mode() == Mode::backup_readonly);
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(failover).kind == Kind::done);
  CHECK(fake.published.size() == 1);
}

TEST_CASE("a_thaw_whose_disk_answers_in_time_comes_before_the_failover_behind_it") {
  FakeSwitch fake(Mode::primary_readonly);
  const size_t thaw = fake.ask(Verb::thaw);
  fake.ask(Verb::failover);
  CHECK_FALSE(fake.answered(thaw));
  fake.sync();
  REQUIRE(fake.published.size() == 1);
  CHECK(fake.published_mode() == Mode::primary);
  fake.apply_all();
  fake.sync();
  CHECK(fake.published_mode() == Mode::backup_readonly);
}

TEST_CASE("after_a_record_could_not_be_written_more_writes_are_refused_until_it_is") {
  FakeSwitch fake;
  fake.ask(Verb::freeze);
  fake.fail_sync("Read-only file system");
  fake.apply_all();
  fake.fence_all();
  const size_t refused = fake.ask(Verb::thaw);
  CHECK(rules_of(fake.answer(refused)) == std::vector<Guard>{Guard::not_persisted});
  fake.pass(Milliseconds(1'000));
  fake.sync();
  const size_t change = fake.ask(Verb::thaw);
  fake.sync();
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(change).kind == Kind::done);
}

TEST_CASE("a_late_sync_of_an_older_record_does_not_count_for_the_present_one") {
  FakeSwitch fake;
  fake.ask(Verb::freeze);
  fake.pass(Milliseconds(250));
  fake.apply_all();
  fake.ask(Verb::close);
  fake.pass(Milliseconds(250));
  CHECK(fake.published_mode() == Mode::closed);
  fake.sync();
  CHECK_FALSE(fake.service().persisted());
  fake.sync();
  CHECK(fake.service().persisted());
}

}  // namespace halfdoor
