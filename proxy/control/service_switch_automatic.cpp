// What a service does without an operator: it asks itself for a failover or failback, through the same queue.
#include <algorithm>

#include "control/service_switch.h"

namespace halfdoor {

AutomaticFacts ServiceSwitch::automatic_facts() const {
  const SteadyTime now = environment_.now();
  const auto how_long = [this, now](Side side) {
    const SteadyTime since = std::max(environment_.side_health(index_, side).since, evidence_since_);
    return std::max(Milliseconds(0), std::chrono::duration_cast<Milliseconds>(now - since));
  };
  AutomaticFacts facts;
  facts.mode = record_.to;
  facts.guards = facts_by(std::string(kActorAutomatic));
  facts.primary_for = how_long(Side::primary);
  facts.backup_for = how_long(Side::backup);
  const auto& overrides = record_.overrides;
  const bool was_overridden =
      std::find(overrides.begin(), overrides.end(), to_text(Guard::primary_healthy)) != overrides.end();
  facts.primary_is_trusted = was_overridden && !primary_seen_healthy_;
  if (failback_refused_at_) {
    facts.since_refused_failback = std::chrono::duration_cast<Milliseconds>(now - *failback_refused_at_);
  }
  return facts;
}

// True if a change was put into the queue.
bool ServiceSwitch::consider_automatic() {
  automatic_again_at_.reset();
  if (!config_.failover.automatic && !config_.failback.automatic) return false;
  if (environment_.side_health(index_, Side::primary).healthy.value_or(false)) primary_seen_healthy_ = true;
  if (!queue_.empty()) return false;
  const AutomaticDecision decision = decide(automatic_facts(), config_.failover, config_.failback);
  if (decision.again_in) automatic_again_at_ = environment_.now() + *decision.again_in;
  if (decision.refused.allowed()) {
    const SteadyTime now = environment_.now();
    std::erase_if(refusals_told_, [now](const auto& told) { return now >= told.second + kRefusalToldAgainAfter; });
  } else {
    tell_refusal({record_.to, Mode::backup_readonly, std::string(kActorAutomatic), {}}, decision.refused.refusals());
  }
  if (!decision.verb) return false;
  // If it is refused at once, nothing else would look again.
  automatic_again_at_ = environment_.now() + kFailbackAgainAfter;
  auto change = std::make_unique<RunningChange>();
  change->id = ++last_id_;
  change->request.verb = decision.verb;
  change->request.actor = kActorAutomatic;
  change->request.reason = decision.reason;
  change->arrived = environment_.now();
  change->from = record_.to;
  queue_.push_back(std::move(change));
  return true;
}

// Whether there is a rule among them that was not told yet. What stands in the way for hours is told once, and what
// comes and goes (a primary that flaps during the cooldown) once an hour.
bool ServiceSwitch::is_news(const std::vector<GuardResult>& refusals) {
  bool news = false;
  for (const GuardResult& refusal : refusals) {
    news = refusals_told_.emplace(refusal.rule, environment_.now()).second || news;
  }
  return news;
}

}  // namespace halfdoor
