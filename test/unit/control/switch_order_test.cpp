// The order of a mode change: guards, latch, publish, applied, fenced, answer.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {

TEST_CASE("answers_only_when_every_worker_is_fenced") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover);
  REQUIRE(fake.published.empty());
  fake.sync();
  REQUIRE(fake.published_mode() == Mode::backup_readonly);
  fake.apply(0);
  fake.fence(0);
  fake.apply(1);
  CHECK_FALSE(fake.answered(change));
  fake.fence(1);
  REQUIRE(fake.answered(change));
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK(fake.answer(change).record.epoch == 2);
  CHECK(fake.answer(change).applied_workers == 2);
  CHECK(fake.answer(change).persisted);
}

TEST_CASE("fenced_before_applied_does_not_count_as_applied") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover);
  fake.sync();
  fake.fence_all();
  CHECK_FALSE(fake.answered(change));
  fake.apply(0);
  CHECK_FALSE(fake.service().fenced());
  fake.apply(1);
  CHECK(fake.answered(change));
}

TEST_CASE("says_what_became_of_the_writes_in_flight") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover);
  fake.sync();
  fake.apply(0, 2, 5);
  fake.apply(1, 1);
  fake.pass(Milliseconds(41));
  fake.fence(0, 1, 1);
  fake.fence(1, 1, 0);
  const ChangeAnswer& answer = fake.answer(change);
  CHECK(answer.writes_in_flight == 3);
  CHECK(answer.writes_finished == 2);
  CHECK(answer.writes_uncertain == 1);
  CHECK(answer.fenced_ms == Approx(41));
  CHECK(answer.applied_ms == Approx(0));
  REQUIRE(fake.fenced_entries.size() == 1);
  CHECK(fake.fenced_entries[0].fenced_ms == 41);
  CHECK(fake.fenced_entries[0].uncertain == 1);
}

TEST_CASE("a_refusal_names_every_failing_guard_and_changes_nothing") {
  FakeSwitch fake;
  fake.config->services[0].failback.caught_up = "/caught-up";
  fake.complete(Verb::failover);
  fake.complete(Verb::promote);
  fake.published.clear();
  const size_t change = fake.ask(Verb::failback);
  REQUIRE(fake.answered(change));
  CHECK(fake.answer(change).kind == Kind::refused);
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::caught_up, Guard::minimum_stay});
  CHECK(fake.published.empty());
  CHECK(fake.latch_jobs.empty());
}

TEST_CASE("a_transition_that_there_is_none_is_refused_in_spite_of_overrides") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::promote, Milliseconds(0), {Guard::fenced, Guard::transition});
  fake.ask(Verb::failover);
  fake.sync();
  const size_t thaw = fake.ask(Verb::thaw);
  CHECK(fake.answer(change).kind == Kind::refused);
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::transition});
  fake.apply_all();
  CHECK(rules_of(fake.answer(thaw)) == std::vector<Guard>{Guard::transition});
}

TEST_CASE("minimum_stay_counts_from_when_the_side_was_entered") {
  FakeSwitch fake;
  fake.complete(Verb::failover);
  fake.pass(Milliseconds(59'000));
  const size_t early = fake.ask(Verb::failback);
  CHECK(rules_of(fake.answer(early)) == std::vector<Guard>{Guard::minimum_stay});
  // A wall clock that is set back changes nothing.
  fake.wall -= std::chrono::hours(5);
  fake.pass(Milliseconds(2'000));
  const size_t change = fake.ask(Verb::failback);
  fake.sync();
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(change).kind == Kind::done);
}

TEST_CASE("a_stale_expected_epoch_is_refused_and_the_present_one_passes") {
  FakeSwitch fake;
  fake.complete(Verb::failover);
  ModeRequest request;
  request.verb = Verb::close;
  request.expect_epoch = 1;
  const size_t stale = fake.ask(request);
  CHECK(fake.answer(stale).kind == Kind::stale_epoch);
  CHECK(fake.answer(stale).record.epoch == 2);
  request.expect_epoch = 2;
  fake.ask(request);
  fake.sync();
  CHECK(fake.published_mode() == Mode::closed);
}

TEST_CASE("of_two_commands_with_the_same_expected_epoch_one_wins") {
  FakeSwitch fake;
  ModeRequest request;
  request.verb = Verb::failover;
  request.expect_epoch = 1;
  const size_t first = fake.ask(request);
  request.verb = Verb::close;
  const size_t second = fake.ask(request);
  fake.sync();
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(first).kind == Kind::done);
  CHECK(fake.answer(second).kind == Kind::stale_epoch);
}

TEST_CASE("a_dry_run_judges_and_touches_nothing") {
  FakeSwitch fake;
  ModeRequest request;
  request.verb = Verb::failover;
  request.dry_run = true;
  const size_t passes = fake.ask(request);
  CHECK(fake.answer(passes).kind == Kind::done);
  CHECK(fake.answer(passes).to == Mode::backup_readonly);
  request.verb = Verb::promote;
  const size_t refused = fake.ask(request);
  CHECK(fake.answer(refused).kind == Kind::refused);
  CHECK(fake.published.empty());
  CHECK(fake.latch_jobs.empty());
  CHECK(fake.entries.empty());
}

TEST_CASE("a_mode_means_the_verb_that_leads_there") {
  FakeSwitch fake;
  ModeRequest request;
  request.mode = Mode::backup_readonly;
  fake.ask(request);
  fake.sync();
  CHECK(fake.published_mode() == Mode::backup_readonly);
  request.mode = Mode::primary_readonly;
  fake.apply_all();
  CHECK(fake.answer(fake.ask(request)).kind == Kind::refused);
}

TEST_CASE("promote_marks_the_service_diverged_in_the_same_record") {
  FakeSwitch fake;
  fake.complete(Verb::failover);
  const size_t change = fake.ask(Verb::promote);
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record.diverged);
  CHECK(fake.latch_jobs.begin()->second.record.to == Mode::backup_writable);
  CHECK(fake.published_mode() == Mode::backup_readonly);
  fake.sync();
  CHECK(fake.published.back()->states[0].diverged);
  fake.apply_all();
  fake.fence_all();
  CHECK(fake.answer(change).kind == Kind::done);
}

TEST_CASE("promote_is_refused_as_long_as_the_primary_may_still_get_writes") {
  FakeSwitch fake;
  fake.ask(Verb::failover);
  fake.sync();
  fake.apply_all();
  fake.fence(0);
  const size_t change = fake.ask(Verb::promote);
  REQUIRE(fake.answered(change));
  CHECK(rules_of(fake.answer(change)) == std::vector<Guard>{Guard::fenced});
}

TEST_CASE("the_same_mode_with_a_reason_updates_it_in_the_same_epoch") {
  FakeSwitch fake;
  fake.complete(Verb::failover);
  ModeRequest request;
  request.verb = Verb::failover;
  request.reason.emplace("disk failure");
  const size_t change = fake.ask(request);
  fake.sync();
  CHECK(fake.published.back()->states[0].reason == "disk failure");
  CHECK(fake.published.back()->states[0].epoch == 2);
  fake.apply_all();
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK(fake.entries.back().kind == JournalEntry::Kind::update);
  CHECK(fake.entries.back().epoch == 2);
}

TEST_CASE("the_same_mode_without_anything_new_writes_nothing") {
  FakeSwitch fake;
  fake.complete(Verb::failover);
  const size_t published = fake.published.size();
  const size_t change = fake.ask(Verb::failover);
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK(fake.answer(change).applied);
  CHECK(fake.published.size() == published);
}

TEST_CASE("an_operator_acknowledges_an_automatic_change") {
  FakeSwitch fake(Mode::backup_readonly, 2, make_config({"salon"}), [](LatchRecord& record) {
    record.acknowledged = false;
    record.automatic = true;
    record.actor = std::string(kActorAutomatic);
  });
  const size_t change = fake.ask(Verb::failover);
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.sync();
  fake.apply_all();
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK(fake.service().record().acknowledged);
  CHECK(fake.published.back()->states[0].acknowledged);
  CHECK(fake.service().record().epoch == 1);
}

TEST_CASE("a_refused_automatic_change_is_in_history_and_events") {
  FakeSwitch fake;
  ModeRequest automatic;
  automatic.verb = Verb::failover;
  automatic.actor = std::string(kActorAutomatic);
  // Nothing is known of the backup's health; that passes for an operator only.
  CHECK(fake.answer(fake.ask(automatic)).kind == Kind::refused);
  REQUIRE(fake.entries.size() == 1);
  CHECK(fake.entries[0].kind == JournalEntry::Kind::refusal);
  CHECK(fake.announced == std::vector<std::string>{"refused"});
}

TEST_CASE("the_health_of_the_side_to_go_to_is_asked_and_what_its_check_found_is_told") {
  FakeSwitch fake;
  fake.health[{0, Side::primary}] = {true, {}, ""};
  fake.health[{0, Side::backup}] = {false, {}, "10.9.0.10:8080: connection refused"};
  const ChangeAnswer failover = fake.answer(fake.ask(Verb::failover));
  REQUIRE(rules_of(failover) == std::vector{Guard::backup_healthy});
  CHECK(failover.refusals[0].message.find("(10.9.0.10:8080: connection refused)") != std::string::npos);

  fake.complete(Verb::failover, {Guard::backup_healthy});
  fake.pass(fake.config->services[0].failback.minimum_stay);
  fake.health[{0, Side::primary}] = {false, {}, "10.0.0.10:8080: 503"};
  fake.health[{0, Side::backup}] = {true, {}, ""};
  const ChangeAnswer failback = fake.answer(fake.ask(Verb::failback));
  REQUIRE(rules_of(failback) == std::vector{Guard::primary_healthy});
  CHECK(failback.refusals[0].message.find("(10.0.0.10:8080: 503)") != std::string::npos);

  fake.health[{0, Side::primary}] = {true, {}, ""};
  fake.complete(Verb::failback);
}

TEST_CASE("refusals_of_a_signal_go_to_history_those_of_an_operator_do_not") {
  FakeSwitch fake;
  fake.complete(Verb::failover);
  const size_t entries = fake.entries.size();
  fake.ask(Verb::failback);
  CHECK(fake.entries.size() == entries);
  ModeRequest signal;
  signal.verb = Verb::failback;
  signal.actor = "signal";
  fake.ask(signal);
  REQUIRE(fake.entries.size() == entries + 1);
  CHECK(fake.entries.back().rules.at(0).rule == "minimum-stay");
}

TEST_CASE("the_services_do_not_wait_for_each_other") {
  FakeSwitch fake(Mode::primary, 2, make_config({"salon", "shop"}));
  ModeRequest request;
  request.verb = Verb::failover;
  const size_t salon = fake.ask(request, 0);
  const size_t shop = fake.ask(request, 1);
  fake.sync();
  fake.sync();
  REQUIRE(fake.published.size() == 2);
  CHECK(fake.published[1]->generation == fake.published[0]->generation + 1);
  // Workers see only the latest snapshot.
  fake.apply_all();
  for (const size_t service : {0, 1}) {
    for (const int worker : {0, 1}) {
      FencedReport report;
      report.service = service;
      report.epoch = 2;
      fake.coordinator->on_fenced(worker, report);
    }
  }
  CHECK(fake.answer(salon).kind == Kind::done);
  CHECK(fake.answer(shop).kind == Kind::done);
}

}  // namespace halfdoor
