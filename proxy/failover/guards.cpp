#include "failover/guards.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfdoor {

namespace {

GuardResult pass(Guard rule, std::string note = {}) {
  return {.rule = rule, .failed = false, .overridden = false, .message = {}, .note = std::move(note)};
}
GuardResult fail(Guard rule, std::string message) {
  return {.rule = rule, .failed = true, .overridden = false, .message = std::move(message), .note = {}};
}

std::string in_brackets(const std::string& detail) { return detail.empty() ? std::string() : " (" + detail + ")"; }

GuardResult judge_health(Guard rule, std::string_view side, const std::optional<bool>& healthy,
                         const std::string& detail, const GuardFacts& facts) {
  if (healthy.value_or(!facts.is_automatic)) return pass(rule, healthy ? "" : "not checked");
  if (!healthy) return fail(rule, fmt::format("the {} has not been checked yet", side));
  return fail(rule, fmt::format("no server of the {} answers its health check{}: repair it, or go there all the same "
                                "with --override {}",
                                side, in_brackets(detail), to_text(rule)));
}

GuardResult judge_minimum_stay(const GuardFacts& facts) {
  if (facts.on_side_for >= facts.minimum_stay) return pass(Guard::minimum_stay);
  return fail(
      Guard::minimum_stay,
      fmt::format("the backup serves for {} only, minimum_stay is {}: wait another {}, or --override "
                  "minimum-stay",
                  about(facts.on_side_for), about(facts.minimum_stay), about(facts.minimum_stay - facts.on_side_for)));
}

GuardResult judge_caught_up(const Plan& plan, const GuardFacts& facts) {
  constexpr Guard kRule = Guard::caught_up;
  if (plan.from == Mode::backup_writable) {
    return fail(kRule, fmt::format("the backup takes writes that the primary lacks: freeze first (halfdoor freeze {}), "
                                   "copy them to the primary, then failback; --override caught-up gives them up",
                                   facts.service));
  }
  if (!facts.has_caught_up_url) {
    if (!facts.diverged) return pass(kRule);
    return fail(kRule,
                "the backup was promoted, so the primary lacks data, and no caught_up URL is configured that "
                "could tell when it has it: copy the data back, then --override caught-up");
  }
  if (!facts.fenced) {
    return fail(kRule, fmt::format("cannot be judged while exchanges are still draining{}: try again in a moment",
                                   in_brackets(facts.fenced_detail)));
  }
  if (!facts.caught_up) return fail(kRule, "the caught_up URL of the primary has not been asked: try again");
  if (facts.caught_up->yes) return pass(kRule);
  return fail(kRule, fmt::format("the primary does not say that it has caught up{}: wait until it has, or --override "
                                 "caught-up and lose what it lacks",
                                 in_brackets(facts.caught_up->text)));
}

GuardResult judge_fenced(const GuardFacts& facts) {
  if (facts.fenced) return pass(Guard::fenced);
  return fail(Guard::fenced, fmt::format("something may still reach the primary{}: wait until status says fenced, or "
                                         "--override fenced and risk writes on both sides",
                                         in_brackets(facts.fenced_detail)));
}

GuardResult judge_cooldown(const GuardFacts& facts) {
  if (!facts.since_automatic_failover || *facts.since_automatic_failover >= facts.cooldown) {
    return pass(Guard::cooldown);
  }
  return fail(Guard::cooldown,
              fmt::format("the last automatic failover was {} ago, cooldown is {}: an operator has to "
                          "decide (halfdoor failover {})",
                          about(*facts.since_automatic_failover), about(facts.cooldown), facts.service));
}

GuardResult judge_persistence(const GuardFacts& facts) {
  if (!facts.not_persisted) return pass(Guard::not_persisted);
  return fail(Guard::not_persisted,
              fmt::format("the latch cannot be written{}, so the change would not survive a restart, and writes would "
                          "begin without a record of it: repair the disk of state_dir, or --override not-persisted",
                          in_brackets(*facts.not_persisted)));
}

GuardResult judge_one(Guard rule, const Plan& plan, const GuardFacts& facts) {
  switch (rule) {
    case Guard::backup_healthy: return judge_health(rule, "backup", facts.backup_healthy, facts.backup_detail, facts);
    case Guard::primary_healthy:
      return judge_health(rule, "primary", facts.primary_healthy, facts.primary_detail, facts);
    case Guard::minimum_stay: return judge_minimum_stay(facts);
    case Guard::caught_up: return judge_caught_up(plan, facts);
    case Guard::fenced: return judge_fenced(facts);
    case Guard::cooldown: return judge_cooldown(facts);
    case Guard::not_persisted: return judge_persistence(facts);
    case Guard::transition:
    case Guard::latched: break;
  }
  return pass(rule);
}

std::string explain_refusal(const Plan& plan) {
  if (plan.verb)
    return fmt::format("{} is not possible in {}: {}", to_text(*plan.verb), to_text(plan.from), plan.advice);
  return fmt::format("no single change leads from {} to {}: {}", to_text(plan.from), to_text(plan.to), plan.advice);
}

// Null: the automatic may propose this change.
std::optional<std::string> why_not_automatic(const Plan& plan, const GuardFacts& facts) {
  if (plan.verb == Verb::failover) {
    if (plan.from == Mode::primary) return std::nullopt;
    return fmt::format("automatic failover starts from primary only, not from {}", to_text(plan.from));
  }
  if (plan.verb == Verb::failback && plan.kind == PlanKind::change && plan.from == Mode::backup_readonly) {
    if (facts.diverged) return "the backup was promoted: an operator has to decide about failback";
    if (facts.entered_automatically) return std::nullopt;
    return "an operator chose or acknowledged the backup: automatic failback undoes only an automatic failover";
  }
  return "only failover and failback may be automatic";
}

}  // namespace

bool Judgement::allowed() const {
  return std::none_of(results.begin(), results.end(),
                      [](const GuardResult& result) { return result.failed && !result.overridden; });
}

std::vector<GuardResult> Judgement::refusals() const {
  std::vector<GuardResult> refusing;
  for (const GuardResult& result : results) {
    if (result.failed && !result.overridden) refusing.push_back(result);
  }
  return refusing;
}

Judgement judge(const Plan& plan, const GuardFacts& facts) {
  if (plan.kind == PlanKind::no_change) return {};
  if (plan.kind == PlanKind::refused) return {{fail(Guard::transition, explain_refusal(plan))}};
  if (facts.is_automatic) {
    if (std::optional<std::string> why = why_not_automatic(plan, facts)) {
      return {{fail(Guard::transition, std::move(*why))}};
    }
  }
  Judgement judgement;
  for (const Guard rule : plan.guards) judgement.results.push_back(judge_one(rule, plan, facts));
  if (facts.is_automatic && plan.verb == Verb::failover) judgement.results.push_back(judge_cooldown(facts));
  for (GuardResult& result : judgement.results) {
    result.overridden = result.failed &&
                        std::find(facts.overrides.begin(), facts.overrides.end(), result.rule) != facts.overrides.end();
  }
  return judgement;
}

bool needs_caught_up_answer(const Plan& plan, const GuardFacts& facts) {
  return plan.guards.has(Guard::caught_up) && plan.from != Mode::backup_writable && facts.has_caught_up_url &&
         facts.fenced;
}

Result<std::vector<Guard>> parse_overrides(const std::vector<std::string>& names) {
  std::vector<Guard> guards;
  for (const std::string& name : names) {
    const std::optional<Guard> guard = parse_guard(name);
    if (!guard) {
      return Error{
          fmt::format("unknown rule \"{}\": an override names one of backup-healthy, primary-healthy, "
                      "minimum-stay, caught-up, fenced, cooldown, not-persisted, latched",
                      name)};
    }
    if (std::find(guards.begin(), guards.end(), *guard) == guards.end()) guards.push_back(*guard);
  }
  return guards;
}

std::string about(Milliseconds time) {
  const int64_t seconds = (std::max<int64_t>(time.count(), 0) + 999) / 1000;
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 120 * 60) return fmt::format("{}m", (seconds + 59) / 60);
  return fmt::format("{}h", (seconds + 3599) / 3600);
}

Milliseconds elapsed_since(WallTime then, WallTime now) {
  return std::max(Milliseconds(0), std::chrono::duration_cast<Milliseconds>(now - then));
}

}  // namespace halfdoor
