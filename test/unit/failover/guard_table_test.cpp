// Every cell of the table of transitions with every combination of facts: which rules refuse, in which order, and what
// an override of each passes.
#include <catch2/catch.hpp>
#include <map>

#include "failover/guards.h"

namespace halfdoor {
namespace {

// The guards of each cell, as the table has them; "transition" where there is no such change. What is absent has none.
const std::map<std::string, std::string> kGuardsOf{
    {"primary failover", "backup-healthy"},
    {"primary promote", "transition"},
    {"primary-readonly failover", "backup-healthy"},
    {"primary-readonly failback", "transition"},
    {"primary-readonly thaw", "not-persisted"},
    {"primary-readonly promote", "transition"},
    {"backup-readonly failback", "primary-healthy minimum-stay caught-up not-persisted"},
    {"backup-readonly thaw", "transition"},
    {"backup-readonly promote", "fenced not-persisted"},
    {"backup-writable failover", "transition"},
    {"backup-writable failback", "caught-up primary-healthy minimum-stay not-persisted"},
    {"closed failover", "backup-healthy"},
    {"closed failback", "primary-healthy caught-up not-persisted"},
    {"closed thaw", "transition"},
    {"closed promote", "transition"},
};
const std::map<std::string, std::string> kLeadsTo{
    {"primary failover", "backup-readonly"},
    {"primary freeze", "primary-readonly"},
    {"primary close", "closed"},
    {"primary-readonly failover", "backup-readonly"},
    {"primary-readonly thaw", "primary"},
    {"primary-readonly close", "closed"},
    {"backup-readonly failback", "primary"},
    {"backup-readonly promote", "backup-writable"},
    {"backup-readonly close", "closed"},
    {"backup-writable failback", "primary"},
    {"backup-writable freeze", "backup-readonly"},
    {"backup-writable close", "closed"},
    {"closed failover", "backup-readonly"},
    {"closed failback", "primary"},
    {"closed freeze", "primary-readonly"},
};

struct Combination {
  GuardFacts facts;
  std::string failing;  // the rules that these facts break, each in blanks
};

// Every fact good or bad, each with the rule that it breaks. The primary's answer has four cases of its own.
std::vector<Combination> combinations(bool diverged, bool is_writable) {
  enum Bad : unsigned { kPrimary = 1, kBackup = 2, kStay = 4, kFence = 8, kDisk = 16 };
  enum class CaughtUp { no_url, yes, no, not_asked };
  std::vector<Combination> all;
  for (unsigned bad = 0; bad < 32; ++bad) {
    for (const CaughtUp caught_up : {CaughtUp::no_url, CaughtUp::yes, CaughtUp::no, CaughtUp::not_asked}) {
      Combination made;
      GuardFacts& facts = made.facts;
      const auto breaks = [&](unsigned which, const char* rule) {
        if ((bad & which) != 0) made.failing += std::string(" ") + rule + " ";
        return (bad & which) != 0;
      };
      facts.service = "salon";
      facts.diverged = diverged;
      facts.primary_healthy = !breaks(kPrimary, "primary-healthy");
      facts.backup_healthy = !breaks(kBackup, "backup-healthy");
      facts.minimum_stay = Milliseconds(60'000);
      facts.on_side_for = Milliseconds(breaks(kStay, "minimum-stay") ? 59'999 : 60'000);
      facts.fenced = !breaks(kFence, "fenced");
      if (breaks(kDisk, "not-persisted")) facts.not_persisted = "No space left on device";
      facts.has_caught_up_url = caught_up != CaughtUp::no_url;
      if (caught_up == CaughtUp::yes || caught_up == CaughtUp::no) {
        facts.caught_up = CaughtUpAnswer{caught_up == CaughtUp::yes, "an answer"};
      }
      const bool passes = caught_up == CaughtUp::no_url ? !diverged : caught_up == CaughtUp::yes && facts.fenced;
      if (is_writable || !passes) made.failing += " caught-up ";
      all.push_back(std::move(made));
    }
  }
  return all;
}

std::string refusals(const Judgement& judgement) {
  std::string text;
  for (const GuardResult& refusal : judgement.refusals()) {
    REQUIRE_FALSE(refusal.message.empty());
    REQUIRE(refusal.message.find('\n') == std::string::npos);
    text += (text.empty() ? "" : " ") + std::string(to_text(refusal.rule));
  }
  return text;
}

// Those of `guards` that fail and are not overridden.
std::string expected(const std::string& guards, const std::string& failing, const std::vector<Guard>& overrides) {
  std::string text;
  for (const std::string_view guard : split(guards, ' ')) {
    const bool is_overridden =
        guard != "transition" && std::find(overrides.begin(), overrides.end(), parse_guard(guard)) != overrides.end();
    const bool fails = guard == "transition" || failing.find(" " + std::string(guard) + " ") != std::string::npos;
    if (fails && !is_overridden) text += (text.empty() ? "" : " ") + std::string(guard);
  }
  return text;
}

std::vector<std::vector<Guard>> override_lists() {
  std::vector<std::vector<Guard>> lists{{}};
  std::vector<Guard> every;
  for (size_t i = 0; i < kGuardCount; ++i) {
    lists.push_back({static_cast<Guard>(i)});
    every.push_back(static_cast<Guard>(i));
  }
  lists.push_back(every);
  return lists;
}

TEST_CASE("every_cell_with_every_combination_of_facts_is_refused_by_the_rules_that_fail_and_no_other") {
  const std::vector<std::vector<Guard>> overrides = override_lists();
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      for (const bool diverged : {false, true}) {
        const std::string cell = std::string(to_text(from)) + " " + std::string(to_text(verb));
        const auto guards = kGuardsOf.find(cell);
        const Plan made = plan(from, diverged, verb);
        for (Combination& one : combinations(diverged, from == Mode::backup_writable)) {
          for (const std::vector<Guard>& override : overrides) {
            one.facts.overrides = override;
            const std::string got = refusals(judge(made, one.facts));
            const std::string wanted = guards == kGuardsOf.end() ? "" : expected(guards->second, one.failing, override);
            if (got != wanted) FAIL(cell << ": refused by [" << got << "] instead of [" << wanted << "]");
          }
        }
      }
    }
  }
}

TEST_CASE("every_cell_leads_where_the_table_says") {
  for (const Mode from : kModes) {
    for (const Verb verb : kVerbs) {
      for (const bool diverged : {false, true}) {
        const std::string cell = std::string(to_text(from)) + " " + std::string(to_text(verb));
        const Plan made = plan(from, diverged, verb);
        INFO(cell);
        const auto leads = kLeadsTo.find(cell);
        const bool is_change = made.kind == PlanKind::change || made.kind == PlanKind::two_steps;
        REQUIRE(is_change == (leads != kLeadsTo.end()));
        if (!is_change) continue;
        const bool opens_backup = diverged && cell == "closed freeze";
        CHECK(to_text(made.to) == (opens_backup ? "backup-readonly" : leads->second));
        CHECK_FALSE((writes_pass(from) && writes_pass(made.to) && made.kind == PlanKind::change));
      }
    }
  }
}

}  // namespace
}  // namespace halfdoor
