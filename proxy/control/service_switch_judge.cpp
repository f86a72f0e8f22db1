// The guards of a change, and what its caller is told.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "control/service_switch.h"

namespace halfdoor {

Plan ServiceSwitch::plan_of(const ModeRequest& request) const {
  if (request.verb) return plan(record_.to, record_.diverged, *request.verb);
  return plan_for_mode(request.mode.value_or(record_.to), record_.to, record_.diverged);
}

GuardFacts ServiceSwitch::facts_for(const RunningChange& change) const {
  GuardFacts facts = facts_by(change.request.actor);
  if (change.caught_up_epoch == record_.epoch) facts.caught_up = change.caught_up;
  facts.overrides = change.request.overrides;
  // What is asked for in earnest waits for the disk and sees; a trial has only this.
  const bool hangs = !persisted_ && environment_.now() >= published_at_ + kLatchPatience;
  if (change.request.dry_run && hangs && !facts.not_persisted) facts.not_persisted = "the disk does not answer";
  return facts;
}

GuardFacts ServiceSwitch::facts_by(const std::string& actor) const {
  GuardFacts facts;
  facts.service = config_.name;
  SideHealth primary = environment_.side_health(index_, Side::primary);
  SideHealth backup = environment_.side_health(index_, Side::backup);
  facts.primary_healthy = primary.healthy;
  facts.backup_healthy = backup.healthy;
  facts.primary_detail = std::move(primary.detail);
  facts.backup_detail = std::move(backup.detail);
  const SteadyTime now = environment_.now();
  facts.on_side_for = on_side_.at(now);
  facts.minimum_stay = config_.failback.minimum_stay;
  facts.diverged = record_.diverged;
  facts.has_caught_up_url = !config_.failback.caught_up.empty();
  facts.fenced = fence_.fenced();
  if (!facts.fenced) facts.fenced_detail = fence_.describe();
  if (!persisted_ && !persist_trouble_.empty()) facts.not_persisted = persist_trouble_;
  facts.is_automatic = actor == kActorAutomatic;
  facts.entered_automatically = is_automatic_failover(record_) && !record_.acknowledged;
  if (automatic_failover_) facts.since_automatic_failover = automatic_failover_->at(now);
  facts.cooldown = config_.failover.cooldown;
  return facts;
}

Judgement ServiceSwitch::judge_change(RunningChange& change, const GuardFacts& facts) const {
  Judgement judgement = judge(change.plan, facts);
  for (const GuardResult& result : judgement.results) {
    if (!result.overridden && result.note.empty()) continue;
    const auto same = [&result](const GuardResult& known) { return known.rule == result.rule; };
    if (std::none_of(change.remarks.begin(), change.remarks.end(), same)) change.remarks.push_back(result);
  }
  return judgement;
}

LatchRecord ServiceSwitch::make_record(const RunningChange& change) const {
  const bool two_steps = change.plan.kind == PlanKind::two_steps;
  ChangeRequest request;
  request.verb = two_steps ? Verb::freeze : change.plan.verb;
  request.to = two_steps ? change.plan.via : change.plan.to;
  request.actor = change.request.actor;
  request.reason = change.request.reason.value_or("");
  request.until = change.request.until;
  for (const Guard guard : change.request.overrides) request.overrides.emplace_back(to_text(guard));
  request.now = environment_.wall_now();
  return make_change(record_, request);
}

void ServiceSwitch::refuse(RunningChange& change, const Judgement& judgement) {
  const std::vector<GuardResult> refusals = judgement.refusals();
  if (!change.request.dry_run) {
    tell_refusal({change.from, change.plan.to, change.request.actor, change.request.reason.value_or("")}, refusals);
  }
  const bool by_automatic = change.request.actor == kActorAutomatic;
  if (by_automatic && change.request.verb == Verb::failback) failback_refused_at_ = environment_.now();
  if (!change.answer) return;
  ChangeAnswer given = make_answer(change, ChangeAnswer::Kind::refused);
  given.refusals = refusals;
  answers_.emplace_back(std::exchange(change.answer, nullptr), std::move(given));
}

void ServiceSwitch::tell_refusal(const RefusedChange& change, const std::vector<GuardResult>& refusals) {
  // Nobody is there to be told, so history and log are.
  const bool by_nobody = change.actor == "signal" || change.actor == kActorAutomatic;
  if (change.actor == kActorAutomatic && !is_news(refusals)) return;
  const auto level = by_nobody ? LogLevel::error : LogLevel::info;
  JournalEntry entry;
  for (const GuardResult& refusal : refusals) {
    const std::string line = fmt::format("{}: refused {} -> {} by {}: {}: {}", config_.name, to_text(change.from),
                                         to_text(change.to), change.actor, to_text(refusal.rule), refusal.message);
    if (log_enabled(level)) log_line(level, line);
    entry.rules.push_back({std::string(to_text(refusal.rule)), refusal.message});
  }
  if (!by_nobody) return;
  entry.kind = JournalEntry::Kind::refusal;
  entry.service = config_.name;
  entry.epoch = record_.epoch;
  entry.time = whole_ms(environment_.wall_now());
  entry.from = record_.to;
  entry.to = change.to;
  entry.actor = change.actor;
  entry.reason = change.reason;
  entry.diverged = record_.diverged;
  environment_.journal(entry);
  environment_.announce(index_, "refused");
}

void ServiceSwitch::answer(RunningChange& change, ChangeAnswer::Kind kind) {
  if (!change.answer) return;
  answers_.emplace_back(std::exchange(change.answer, nullptr), make_answer(change, kind));
}

ChangeAnswer ServiceSwitch::make_answer(const RunningChange& change, ChangeAnswer::Kind kind) const {
  ChangeAnswer answer;
  answer.kind = kind;
  answer.dry_run = change.request.dry_run;
  answer.from = change.from;
  answer.to = change.judged || change.request.dry_run ? change.plan.to : plan_of(change.request).to;
  answer.record = record_;
  answer.remarks = change.remarks;
  answer.workers = board_.workers();
  answer.persisted = persisted_;
  answer.fenced = fence_.fenced();
  answer.not_safe = not_safe();
  const bool published = change.phase == ChangePhase::applying || change.phase == ChangePhase::draining;
  if (!published) return answer;
  answer.generation = change.generation;
  answer.applied_workers = board_.applied_workers(change.generation);
  answer.applied = change.applied_at.has_value();
  if (change.applied_at)
    answer.applied_ms = ms_between(change.published_at, std::max(change.published_at, *change.applied_at));
  answer.fenced_ms = fence_.fenced_ms();
  answer.writes_in_flight = fence_.writes_in_flight();
  answer.writes_finished = fence_.writes_finished();
  answer.writes_uncertain = fence_.writes_uncertain();
  return answer;
}

std::vector<std::string> ServiceSwitch::not_safe() const {
  std::vector<std::string> lines;
  const SteadyTime now = environment_.now();
  if (now < published_at_ + kNotSafeAfter) return lines;
  for (const int worker : board_.late_workers(present_generation_)) {
    lines.push_back(fmt::format("worker {} has not applied epoch {} of {} for {:.1f} s, it may still act as before: {}",
                                worker, record_.epoch, config_.name, ms_between(published_at_, now) / 1000,
                                environment_.describe_worker(worker)));
  }
  return lines;
}

}  // namespace halfdoor
