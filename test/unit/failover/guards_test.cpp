#include "failover/guards.h"

#include <catch2/catch.hpp>

namespace halfdoor {
namespace {

constexpr Milliseconds kMinute{60'000};

GuardFacts good_facts() {
  GuardFacts facts;
  facts.service = "salon";
  facts.primary_healthy = true;
  facts.backup_healthy = true;
  facts.on_side_for = 10 * kMinute;
  facts.minimum_stay = kMinute;
  facts.cooldown = 10 * kMinute;
  return facts;
}

// "rule" of each refusal, "rule!" of each overridden failure.
std::string verdict(const Plan& made, const GuardFacts& facts) {
  std::string text;
  for (const GuardResult& result : judge(made, facts).results) {
    if (!result.failed) continue;
    if (!text.empty()) text += ' ';
    text += to_text(result.rule);
    if (result.overridden) text += '!';
    CHECK_FALSE(result.message.empty());
    CHECK(result.message.find('\n') == std::string::npos);
  }
  return text;
}

const Plan kFailover = plan(Mode::primary, false, Verb::failover);
const Plan kFailback = plan(Mode::backup_readonly, false, Verb::failback);
const Plan kPromote = plan(Mode::backup_readonly, false, Verb::promote);
const Plan kFailbackOfWritable = plan(Mode::backup_writable, true, Verb::failback);

TEST_CASE("every_change_passes_when_all_is_well") {
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      const Plan made = plan(from, false, verb);
      if (made.kind != PlanKind::change) continue;
      INFO(to_text(from) << " " << to_text(verb));
      CHECK(verdict(made, good_facts()).empty());
      CHECK(judge(made, good_facts()).allowed());
    }
  }
}

TEST_CASE("a_change_that_the_table_lacks_is_refused_by_transition_alone_and_not_overridden") {
  GuardFacts facts = good_facts();
  facts.backup_healthy = false;
  for (size_t i = 0; i < kGuardCount; ++i) facts.overrides.push_back(static_cast<Guard>(i));
  const Judgement judgement = judge(plan(Mode::primary_readonly, false, Verb::failback), facts);
  CHECK_FALSE(judgement.allowed());
  REQUIRE(judgement.refusals().size() == 1);
  CHECK(judgement.refusals()[0].rule == Guard::transition);
  CHECK(judgement.refusals()[0].message ==
        "failback is not possible in primary-readonly: the primary serves already: "
        "say thaw");
}

TEST_CASE("a_mode_that_no_verb_leads_to_is_refused_with_the_way_there") {
  const Judgement judgement = judge(plan_for_mode(Mode::backup_writable, Mode::primary, false), good_facts());
  REQUIRE(judgement.refusals().size() == 1);
  CHECK(judgement.refusals()[0].message ==
        "no single change leads from primary to backup-writable: say failover first, then promote");
}

TEST_CASE("asking_for_the_present_mode_passes_whatever_the_facts") {
  GuardFacts facts = good_facts();
  facts.backup_healthy = facts.primary_healthy = false;
  facts.fenced = false;
  facts.not_persisted = "Input/output error";
  CHECK(judge(plan(Mode::backup_readonly, true, Verb::failover), facts).allowed());
}

TEST_CASE("all_guards_are_evaluated_and_each_failing_one_is_a_line") {
  GuardFacts facts = good_facts();
  facts.primary_healthy = false;
  facts.on_side_for = Milliseconds(10'000);
  facts.diverged = true;
  facts.not_persisted = "No space left on device";
  CHECK(verdict(kFailback, facts) == "primary-healthy minimum-stay caught-up not-persisted");
  CHECK(judge(kFailback, facts).refusals().front().rule == Guard::primary_healthy);
}

TEST_CASE("an_override_passes_the_guard_it_names_and_no_other") {
  GuardFacts facts = good_facts();
  facts.primary_healthy = false;
  facts.on_side_for = Milliseconds(0);
  facts.overrides = {Guard::minimum_stay};
  CHECK(verdict(kFailback, facts) == "primary-healthy minimum-stay!");
  CHECK_FALSE(judge(kFailback, facts).allowed());
  facts.overrides.push_back(Guard::primary_healthy);
  CHECK(judge(kFailback, facts).allowed());
}

TEST_CASE("an_override_of_a_guard_that_passes_is_not_called_overridden") {
  GuardFacts facts = good_facts();
  facts.overrides = {Guard::backup_healthy};
  for (const GuardResult& result : judge(kFailover, facts).results) CHECK_FALSE(result.overridden);
}

TEST_CASE("unknown_health_passes_for_an_operator_as_not_checked_and_never_for_the_automatic") {
  GuardFacts facts = good_facts();
  facts.backup_healthy.reset();
  const Judgement judgement = judge(kFailover, facts);
  CHECK(judgement.allowed());
  CHECK(judgement.results.at(0).note == "not checked");
  facts.is_automatic = true;
  CHECK(verdict(kFailover, facts) == "backup-healthy");
}

TEST_CASE("an_unhealthy_side_is_named_with_what_its_check_found") {
  GuardFacts facts = good_facts();
  facts.backup_healthy = false;
  facts.backup_detail = "10.0.0.20:8080: connection refused";
  const GuardResult refusal = judge(kFailover, facts).refusals().at(0);
  CHECK(refusal.rule == Guard::backup_healthy);
  CHECK(refusal.message.find("no server of the backup") == 0);
  CHECK(refusal.message.find("10.0.0.20:8080: connection refused") != std::string::npos);
  CHECK(refusal.message.find("--override backup-healthy") != std::string::npos);
}

TEST_CASE("minimum_stay_says_how_long_to_wait") {
  GuardFacts facts = good_facts();
  facts.on_side_for = Milliseconds(22'500);
  const std::string message = judge(kFailback, facts).refusals().at(0).message;
  CHECK(message.find("wait another 38s") != std::string::npos);
  facts.on_side_for = kMinute;
  CHECK(judge(kFailback, facts).allowed());
  facts.on_side_for = kMinute - Milliseconds(1);
  CHECK(verdict(kFailback, facts) == "minimum-stay");
}

TEST_CASE("caught_up_is_judged_by_the_answer_of_the_primary") {
  GuardFacts facts = good_facts();
  SECTION("nothing was written to the backup and nobody can be asked: passes") {
    facts.fenced = false;
    CHECK(verdict(kFailback, facts).empty());
  }
  SECTION("diverged without a URL: fails") {
    facts.diverged = true;
    CHECK(verdict(kFailback, facts) == "caught-up");
  }
  SECTION("not asked: fails") {
    facts.has_caught_up_url = true;
    CHECK(verdict(kFailback, facts) == "caught-up");
  }
  SECTION("no: fails, diverged or not, and says what the primary said") {
    facts.has_caught_up_url = true;
    facts.caught_up = CaughtUpAnswer{false, "503 from 10.0.0.10:8080"};
    CHECK(verdict(kFailback, facts) == "caught-up");
    CHECK(judge(kFailback, facts).refusals().at(0).message.find("503 from 10.0.0.10:8080") != std::string::npos);
  }
  SECTION("yes: passes, diverged or not") {
    facts.has_caught_up_url = true;
    facts.caught_up = CaughtUpAnswer{true, ""};
    CHECK(verdict(kFailback, facts).empty());
    facts.diverged = true;
    CHECK(verdict(kFailback, facts).empty());
  }
  SECTION("yes, but not fenced: something may have come after the answer") {
    facts.has_caught_up_url = true;
    facts.caught_up = CaughtUpAnswer{true, ""};
    facts.fenced = false;
    CHECK(verdict(kFailback, facts) == "caught-up");
  }
}

TEST_CASE("failback_from_a_writable_backup_needs_an_override_and_judges_all_guards_before_the_freeze") {
  GuardFacts facts = good_facts();
  facts.diverged = true;
  facts.has_caught_up_url = true;
  facts.caught_up = CaughtUpAnswer{true, ""};  // of no use while writes go on
  CHECK(verdict(kFailbackOfWritable, facts) == "caught-up");
  CHECK(judge(kFailbackOfWritable, facts).refusals().at(0).message.find("freeze first") != std::string::npos);
  facts.primary_healthy = false;
  facts.on_side_for = Milliseconds(0);
  facts.overrides = {Guard::caught_up};
  CHECK(verdict(kFailbackOfWritable, facts) == "caught-up! primary-healthy minimum-stay");
}

TEST_CASE("the_primary_is_asked_only_where_the_answer_means_something") {
  GuardFacts facts = good_facts();
  CHECK_FALSE(needs_caught_up_answer(kFailback, facts));
  facts.has_caught_up_url = true;
  CHECK(needs_caught_up_answer(kFailback, facts));
  CHECK(needs_caught_up_answer(plan(Mode::closed, true, Verb::failback), facts));
  CHECK_FALSE(needs_caught_up_answer(kFailbackOfWritable, facts));
  CHECK_FALSE(needs_caught_up_answer(kFailover, facts));
  facts.fenced = false;
  CHECK_FALSE(needs_caught_up_answer(kFailback, facts));
}

TEST_CASE("the_backup_is_promoted_only_when_the_primary_is_fenced") {
  GuardFacts facts = good_facts();
  facts.fenced = false;
  facts.fenced_detail = "2 writes to the primary";
  CHECK(verdict(kPromote, facts) == "fenced");
  CHECK(judge(kPromote, facts).refusals().at(0).message.find("2 writes to the primary") != std::string::npos);
  facts.overrides = {Guard::fenced};
  CHECK(judge(kPromote, facts).allowed());
}

TEST_CASE("a_latch_that_cannot_be_written_refuses_more_writes_and_only_those") {
  GuardFacts facts = good_facts();
  facts.not_persisted = "No space left on device";
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      const Plan made = plan(from, false, verb);
      if (made.kind != PlanKind::change) continue;
      INFO(to_text(from) << " " << to_text(verb));
      CHECK(verdict(made, facts) == (is_towards_more_writes(from, made.to) ? "not-persisted" : ""));
    }
  }
}

TEST_CASE("cooldown_holds_back_the_automatic_and_nobody_else") {
  GuardFacts facts = good_facts();
  facts.since_automatic_failover = 9 * kMinute;
  CHECK(verdict(kFailover, facts).empty());
  facts.is_automatic = true;
  CHECK(verdict(kFailover, facts) == "cooldown");
  facts.since_automatic_failover = 10 * kMinute;
  CHECK(verdict(kFailover, facts).empty());
  facts.since_automatic_failover.reset();
  CHECK(verdict(kFailover, facts).empty());
}

TEST_CASE("the_automatic_changes_only_what_is_its_business") {
  GuardFacts facts = good_facts();
  facts.is_automatic = true;
  facts.entered_automatically = true;
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      const Plan made = plan(from, false, verb);
      if (made.kind == PlanKind::no_change) continue;
      INFO(to_text(from) << " " << to_text(verb));
      const bool may = (from == Mode::primary && verb == Verb::failover) ||
                       (from == Mode::backup_readonly && verb == Verb::failback);
      CHECK(verdict(made, facts) == (may ? "" : "transition"));
    }
  }
  facts.diverged = true;
  facts.has_caught_up_url = true;
  facts.caught_up = CaughtUpAnswer{true, ""};
  CHECK(verdict(kFailback, facts) == "transition");
  facts.diverged = false;
  facts.entered_automatically = false;
  CHECK(verdict(kFailback, facts) == "transition");
}

TEST_CASE("overrides_are_named_as_guards_are_and_an_unknown_one_lists_them") {
  const auto good = parse_overrides({"caught-up", "minimum-stay", "caught-up"});
  REQUIRE(good.ok());
  CHECK(*good == std::vector<Guard>{Guard::caught_up, Guard::minimum_stay});
  CHECK(parse_overrides({}).ok());
  for (const char* bad : {"caughtup", "", "Caught-Up", "caught-up "}) {
    const auto result = parse_overrides({"fenced", bad});
    REQUIRE_FALSE(result.ok());
    for (const char* name : {"backup-healthy", "primary-healthy", "minimum-stay", "caught-up", "fenced", "cooldown",
                             "not-persisted", "latched"}) {
      CHECK(result.error().message.find(name) != std::string::npos);
    }
  }
}

TEST_CASE("a_clock_that_was_set_back_counts_as_no_time") {
  const WallTime then{Milliseconds(1'000'000)};
  CHECK(elapsed_since(then, then - Milliseconds(500)) == Milliseconds(0));
  CHECK(elapsed_since(then, then + Milliseconds(500)) == Milliseconds(500));
}

}  // namespace
}  // namespace halfdoor
