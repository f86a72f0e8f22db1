#include "failover/automatic.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfdoor {

namespace {

std::string for_so_long(const std::string& what, Milliseconds time) {
  return fmt::format("{} for {:.1f} s", what, static_cast<double>(time.count()) / 1000);
}

AutomaticDecision look_again_in(Milliseconds time) { return {{}, {}, {}, time}; }

AutomaticDecision decide_failover(const AutomaticFacts& facts, Milliseconds after) {
  const GuardFacts& guards = facts.guards;
  if (guards.primary_healthy.value_or(true) || facts.primary_is_trusted) return {};
  if (facts.primary_for < after) return look_again_in(after - facts.primary_for);
  if (guards.backup_healthy.value_or(false) && facts.backup_for < after) return look_again_in(after - facts.backup_for);
  AutomaticDecision decision;
  decision.refused = judge(plan(facts.mode, guards.diverged, Verb::failover), guards);
  if (!decision.refused.allowed()) {
    if (guards.since_automatic_failover && *guards.since_automatic_failover < guards.cooldown) {
      decision.again_in = guards.cooldown - *guards.since_automatic_failover;
    }
    return decision;
  }
  decision.refused = {};
  decision.verb = Verb::failover;
  decision.reason = for_so_long(
      guards.primary_detail.empty() ? "no server of the primary answers its health check" : guards.primary_detail,
      facts.primary_for);
  return decision;
}

AutomaticDecision decide_failback(const AutomaticFacts& facts, Milliseconds healthy_for) {
  const GuardFacts& guards = facts.guards;
  if (!guards.entered_automatically || guards.diverged) return {};
  if (!guards.primary_healthy.value_or(false) || !guards.fenced) return {};
  Milliseconds wait = std::max(healthy_for - facts.primary_for, guards.minimum_stay - guards.on_side_for);
  if (facts.since_refused_failback) wait = std::max(wait, kFailbackAgainAfter - *facts.since_refused_failback);
  if (wait > Milliseconds(0)) return look_again_in(wait);
  AutomaticDecision decision;
  decision.verb = Verb::failback;
  decision.reason = for_so_long("the primary is healthy", facts.primary_for);
  return decision;
}

}  // namespace

AutomaticDecision decide(const AutomaticFacts& facts, const FailoverConfig& failover, const FailbackConfig& failback) {
  if (facts.mode == Mode::primary && failover.automatic) return decide_failover(facts, failover.after);
  if (facts.mode == Mode::backup_readonly && failback.automatic) return decide_failback(facts, failback.healthy_for);
  return {};
}

}  // namespace halfdoor
