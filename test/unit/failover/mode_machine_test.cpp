#include "failover/mode_machine.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace halfdoor {
namespace {

// The table of transitions as operators read it: "-" no change, "x" transition, else "MODE [guards]".
const char* const kExpected[5][6] = {
    {"backup-readonly [backup-healthy]", "-", "primary-readonly []", "-", "x", "closed []"},
    {"backup-readonly [backup-healthy]", "x", "-", "primary [not-persisted]", "x", "closed []"},
    {"-", "primary [primary-healthy minimum-stay caught-up not-persisted]", "-", "x",
     "backup-writable [fenced not-persisted]", "closed []"},
    {"x", "by backup-readonly primary [caught-up primary-healthy minimum-stay not-persisted]", "backup-readonly []",
     "-", "-", "closed []"},
    {"backup-readonly [backup-healthy]", "primary [primary-healthy caught-up not-persisted]", "primary-readonly []",
     "x", "x", "-"},
};

std::string describe(const Plan& plan) {
  if (plan.kind == PlanKind::no_change) return "-";
  if (plan.kind == PlanKind::refused) return "x";
  std::string text = plan.kind == PlanKind::two_steps ? "by " + std::string(to_text(plan.via)) + " " : "";
  text += std::string(to_text(plan.to)) + " [";
  for (const Guard guard : plan.guards) {
    if (text.back() != '[') text += ' ';
    text += to_text(guard);
  }
  return text + "]";
}

TEST_CASE("every_verb_in_every_mode_does_what_the_table_says") {
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      for (const bool diverged : {false, true}) {
        INFO(to_text(from) << " " << to_text(verb) << " diverged " << diverged);
        std::string expected = kExpected[index_of(from)][static_cast<size_t>(verb)];
        if (from == Mode::closed && verb == Verb::freeze && diverged) expected = "backup-readonly []";
        const Plan made = plan(from, diverged, verb);
        CHECK(describe(made) == expected);
        CHECK(made.from == from);
        CHECK(made.verb == verb);
        CHECK((made.kind == PlanKind::refused) == !made.advice.empty());
        if (made.kind == PlanKind::no_change || made.kind == PlanKind::refused) CHECK(made.to == from);
      }
    }
  }
}

TEST_CASE("no_single_step_leads_from_one_writable_mode_to_another") {
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      for (const bool diverged : {false, true}) {
        const Plan made = plan(from, diverged, verb);
        if (made.kind != PlanKind::change) continue;
        CHECK_FALSE((writes_pass(from) && writes_pass(made.to)));
      }
    }
  }
}

TEST_CASE("freeze_never_changes_a_serving_side_and_never_lets_writes_pass") {
  for (const Mode from : kModes) {
    for (const bool diverged : {false, true}) {
      const Plan made = plan(from, diverged, Verb::freeze);
      CHECK_FALSE(writes_pass(made.to));
      if (from != Mode::closed) CHECK(serving_side(made.to) == serving_side(from));
    }
  }
}

TEST_CASE("writes_never_begin_to_pass_without_the_latch_being_asked") {
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      const Plan made = plan(from, false, verb);
      const bool changes = made.kind == PlanKind::change || made.kind == PlanKind::two_steps;
      const Mode last = made.kind == PlanKind::two_steps ? made.via : from;
      CHECK(made.guards.has(Guard::not_persisted) == (changes && is_towards_more_writes(last, made.to)));
    }
  }
}

TEST_CASE("a_refused_verb_names_the_one_to_use") {
  CHECK(plan(Mode::primary_readonly, false, Verb::failback).advice.find("say thaw") != std::string_view::npos);
  CHECK(plan(Mode::backup_writable, false, Verb::failover).advice.find("say freeze") != std::string_view::npos);
  CHECK(plan(Mode::primary, false, Verb::promote).advice.find("failover first") != std::string_view::npos);
  CHECK(plan(Mode::backup_readonly, false, Verb::thaw).advice.find("failback") != std::string_view::npos);
}

TEST_CASE("a_wanted_mode_means_the_verb_that_leads_there") {
  struct Case {
    Mode present;
    Mode wanted;
    bool diverged;
    const char* verb;  // null: none
  };
  const std::vector<Case> cases = {
      {Mode::primary, Mode::primary_readonly, false, "freeze"},
      {Mode::primary, Mode::backup_readonly, false, "failover"},
      {Mode::primary, Mode::backup_writable, false, nullptr},
      {Mode::primary, Mode::closed, false, "close"},
      {Mode::primary_readonly, Mode::primary, false, "thaw"},
      {Mode::primary_readonly, Mode::backup_readonly, false, "failover"},
      {Mode::primary_readonly, Mode::backup_writable, false, nullptr},
      {Mode::primary_readonly, Mode::closed, false, "close"},
      {Mode::backup_readonly, Mode::primary, false, "failback"},
      {Mode::backup_readonly, Mode::primary_readonly, false, nullptr},
      {Mode::backup_readonly, Mode::backup_writable, false, "promote"},
      {Mode::backup_readonly, Mode::closed, false, "close"},
      {Mode::backup_writable, Mode::primary, true, "failback"},
      {Mode::backup_writable, Mode::primary_readonly, true, nullptr},
      {Mode::backup_writable, Mode::backup_readonly, true, "freeze"},
      {Mode::backup_writable, Mode::closed, true, "close"},
      {Mode::closed, Mode::primary, false, "failback"},
      {Mode::closed, Mode::primary_readonly, false, "freeze"},
      {Mode::closed, Mode::primary_readonly, true, nullptr},
      {Mode::closed, Mode::backup_readonly, false, "failover"},
      {Mode::closed, Mode::backup_readonly, true, "failover"},
      {Mode::closed, Mode::backup_writable, false, nullptr},
  };
  for (const Case& c : cases) {
    INFO(to_text(c.present) << " -> " << to_text(c.wanted) << " diverged " << c.diverged);
    const std::optional<Verb> verb = verb_for(c.wanted, c.present, c.diverged);
    CHECK((verb ? std::string(to_text(*verb)) : "") == (c.verb == nullptr ? "" : c.verb));
    const Plan made = plan_for_mode(c.wanted, c.present, c.diverged);
    CHECK(made.from == c.present);
    CHECK(made.to == c.wanted);
    if (c.verb != nullptr) {
      CHECK(describe(made) == describe(plan(c.present, c.diverged, *verb)));
    } else {
      CHECK(made.kind == PlanKind::refused);
      CHECK(made.guards.has(Guard::transition));
      CHECK(made.advice.find("say ") == 0);
    }
  }
}

TEST_CASE("asking_for_the_present_mode_is_no_change") {
  for (const Mode mode : kModes) {
    for (const bool diverged : {false, true}) {
      INFO(to_text(mode));
      CHECK(plan_for_mode(mode, mode, diverged).kind == PlanKind::no_change);
    }
  }
}

TEST_CASE("guards_are_known_by_their_names") {
  for (size_t i = 0; i < kGuardCount; ++i) {
    const auto guard = static_cast<Guard>(i);
    CHECK(parse_guard(to_text(guard)) == guard);
  }
  CHECK(to_text(Guard::minimum_stay) == "minimum-stay");
  CHECK(to_text(Guard::not_persisted) == "not-persisted");
  CHECK_FALSE(parse_guard("minimum_stay"));
  CHECK_FALSE(parse_guard(""));
}

}  // namespace
}  // namespace halfdoor
