// Latch, publication and acknowledgement of a change.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "control/service_switch.h"

namespace halfdoor {

void ServiceSwitch::start_latching(RunningChange& change) {
  const bool more_writes = is_towards_more_writes(record_.to, change.next.to);
  change.move_to(ChangePhase::latching);
  change.latching_since = environment_.now();
  latched_.reset();
  change.job =
      environment_.write_latch(index_, change.next, more_writes ? OnFailure::revoke : OnFailure::keep,
                               [this, id = change.id](const LatchOutcome& outcome) { on_latched(id, outcome); });
}

void ServiceSwitch::on_latched(uint64_t id, const LatchOutcome& outcome) {
  const bool is_front = !queue_.empty() && queue_.front()->id == id && queue_.front()->phase == ChangePhase::latching &&
                        queue_.front()->job == outcome.job;
  if (is_front) {
    latched_ = outcome;
    pump();
  } else if (outcome.job == persist_job_) {
    on_persisted(outcome);
    pump();
  } else if ((outcome.persisted || outcome.in_doubt) && outcome.job > persist_job_) {
    // Given up too late: a refused change stands on the disk, and the present record has to follow it.
    persist_present();
  }
  deliver_answers();
}

SteadyTime ServiceSwitch::latching_deadline(const RunningChange& change) const {
  if (!is_towards_more_writes(record_.to, change.next.to)) {
    return std::max(change.arrived + kLatchPatience, change.latching_since);
  }
  if (restrictive_waits()) return change.latching_since + kLatchPatience;
  return change.latching_since + std::clamp(change.request.wait, kNotSafeAfter, kLatchPatienceForWrites);
}

bool ServiceSwitch::step_latching(RunningChange& change) {
  const bool more_writes = is_towards_more_writes(record_.to, change.next.to);
  const bool is_late = environment_.now() >= latching_deadline(change);
  if (!latched_ && !is_late) return false;
  const bool persisted = latched_ && latched_->persisted;
  // While it waited for the disk the primary may have gone, and nobody looks on.
  const bool is_judged_again = persisted && change.request.actor == kActorAutomatic;
  if (!more_writes || (persisted && !is_judged_again)) {
    publish(change);
    return true;
  }
  GuardFacts facts = facts_for(change);
  if (!persisted) facts.not_persisted = latched_ ? latched_->error : "the disk does not answer";
  if (!latched_) environment_.withdraw_latch(index_, change.job);
  const Judgement judgement = judge_change(change, facts);
  if (judgement.allowed()) {
    publish(change);
    return true;
  }
  // It may stand in the file although it is refused: a restart must not take it for the mode.
  if (latched_ && (latched_->in_doubt || persisted)) persist_present();
  refuse(change, judgement);
  queue_.pop_front();
  return true;
}

void ServiceSwitch::publish(RunningChange& change) {
  const bool is_change = change.kind == JournalEntry::Kind::change;
  const SteadyTime now = environment_.now();
  const bool side_changed = change.next.side_since != record_.side_since;
  const bool automatic_failover = is_change && is_automatic_failover(change.next);
  if (is_change) {
    supersede_waiting(change.next.epoch);
    if (!fence_.fenced()) {
      environment_.journal_fenced(config_.name, record_.epoch, std::nullopt, fence_.writes_finished(),
                                  fence_.writes_uncertain());
    }
  }
  record_ = change.next;
  if (is_change) {
    fence_.begin(record_.epoch, now);
    mode_age_ = {Milliseconds(0), now};
    evidence_since_ = now;
    primary_seen_healthy_ = false;
    failback_refused_at_.reset();
    refusals_told_.clear();
  }
  if (side_changed) on_side_ = {Milliseconds(0), now};
  if (automatic_failover) automatic_failover_ = {Milliseconds(0), now};
  reminder_ = {};
  published_at_ = change.published_at = now;
  not_safe_told_ = false;
  present_generation_ = change.generation = board_.put(index_, state_of(record_));
  change.move_to(ChangePhase::applying);
  environment_.journal(entry_of(record_, change.kind));
  log_warning("{}: {}{}, epoch {}, by {}{}{}", config_.name,
              is_change ? fmt::format("{} -> ", to_text(record_.from)) : "stays ", to_text(record_.to), record_.epoch,
              change.request.actor, record_.reason.empty() ? "" : ": ", record_.reason);
  persisted_ = latched_ && latched_->persisted;
  persist_job_ = change.job;
  persist_trouble_.clear();
  persist_again_at_.reset();
  not_persisted_told_ = false;
  const bool more_writes = is_change && is_towards_more_writes(record_.from, record_.to);
  unconfirmed_ = more_writes && persisted_;
  if (unconfirmed_) {
    // What stands in the latch does not count before this: a change that is refused never comes true.
    persist_present();
  } else if (!persisted_) {
    tell_not_persisted();
    // One towards writes that was published by an override has been revoked.
    if (latched_) {
      on_persisted(*latched_);
    } else if (more_writes) {
      persist_present();
    }
  }
  environment_.announce(index_, "mode");
}

void ServiceSwitch::supersede_waiting(uint64_t epoch) {
  const auto supersede = [this, epoch](RunningChange& change) {
    if (!change.answer) return;
    ChangeAnswer given = make_answer(change, ChangeAnswer::Kind::incomplete);
    given.superseded_by = epoch;
    answers_.emplace_back(std::exchange(change.answer, nullptr), std::move(given));
  };
  for (const ChangePtr& change : draining_) supersede(*change);
  draining_.clear();
  // The second of two steps, if it is not the very one that is being published.
  for (auto it = queue_.begin() + 1; it != queue_.end();) {
    if (!(*it)->first_step_done) {
      ++it;
      continue;
    }
    supersede(**it);
    it = queue_.erase(it);
  }
}

void ServiceSwitch::note_fenced() {
  environment_.journal_fenced(config_.name, record_.epoch, static_cast<int64_t>(fence_.fenced_ms()),
                              fence_.writes_finished(), fence_.writes_uncertain());
  log_info("{}: epoch {} fenced after {:.1f} ms: {} writes finished, {} uncertain", config_.name, record_.epoch,
           fence_.fenced_ms(), fence_.writes_finished(), fence_.writes_uncertain());
  environment_.announce(index_, "fenced");
}

void ServiceSwitch::persist_present() {
  persisted_ = false;
  persist_again_at_.reset();
  persist_job_ = environment_.write_latch(index_, record_, OnFailure::keep,
                                          [this](const LatchOutcome& outcome) { on_latched(0, outcome); });
}

void ServiceSwitch::on_persisted(const LatchOutcome& outcome) {
  persisted_ = outcome.persisted;
  if (persisted_) {
    unconfirmed_ = false;
    persist_trouble_.clear();
    if (not_persisted_told_) log_info("{}: epoch {} is persisted", config_.name, record_.epoch);
    environment_.announce(index_, "persisted");
    return;
  }
  not_persisted_told_ = true;
  if (persist_trouble_ != outcome.error) log_error("{}: NOT PERSISTED: {}", config_.name, outcome.error);
  persist_trouble_ = outcome.error.empty() ? "the latch could not be written" : outcome.error;
  persist_again_at_ = environment_.now() + kPersistAgainAfter;
}

void ServiceSwitch::tell_not_persisted() {
  not_persisted_told_ = true;
  log_error("{}: NOT PERSISTED: epoch {} is in force, but its latch is not on the disk yet", config_.name,
            record_.epoch);
}

bool ServiceSwitch::step_applying(RunningChange& change) {
  const bool all = board_.applied_workers(change.generation) == board_.workers();
  if (all) change.applied_at = environment_.now();
  const bool is_late = environment_.now() >= change.published_at + kNotSafeAfter;
  if (!all && !(is_late && restrictive_waits())) return false;
  leave_queue_for_draining();
  return true;
}

void ServiceSwitch::tell_not_safe() {
  not_safe_told_ = true;
  const std::vector<std::string> lines = not_safe();
  for (const std::string& line : lines) log_error("NOT SAFE: {}", line);
  if (!lines.empty()) environment_.announce(index_, "not_safe");
}

}  // namespace halfdoor
