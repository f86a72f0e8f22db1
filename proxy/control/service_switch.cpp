#include "control/service_switch.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfdoor {

ServiceSwitch::ServiceSwitch(SwitchEnvironment& environment, SnapshotBoard& board, ServiceSwitchStart start)
    : environment_(environment),
      board_(board),
      index_(start.index),
      config_(*start.config),
      record_(std::move(start.record)),
      mode_age_{elapsed_since(record_.time, environment.wall_now()), environment.now()},
      on_side_{elapsed_since(record_.side_since, environment.wall_now()), environment.now()},
      fence_(board.workers()),
      persisted_(start.persisted) {
  if (!persisted_) persist_again_at_ = published_at_ = environment.now();
  if (record_.last_automatic_failover) {
    automatic_failover_ =
        Age{elapsed_since(*record_.last_automatic_failover, environment.wall_now()), environment.now()};
  }
}

void ServiceSwitch::ask(ModeRequest request, OnAnswer answer) {
  auto change = std::make_unique<RunningChange>();
  change->id = ++last_id_;
  change->request = std::move(request);
  change->answer = std::move(answer);
  change->arrived = environment_.now();
  change->from = record_.to;
  if (change->request.dry_run) {
    run_trial(std::move(change));
  } else {
    queue_.push_back(std::move(change));
    pump();
  }
  deliver_answers();
}

void ServiceSwitch::pump() {
  if (!not_safe_told_ && environment_.now() >= published_at_ + kNotSafeAfter) tell_not_safe();
  if (!persisted_ && !not_persisted_told_ && environment_.now() >= published_at_ + kLatchPatience) {
    tell_not_persisted();
  }
  work_off();
  if (consider_automatic()) work_off();
  remind();
}

void ServiceSwitch::work_off() {
  do {
    while (!queue_.empty() && step_front()) {
    }
  } while (settle_draining());
}

void ServiceSwitch::deliver_answers() {
  std::vector<std::pair<OnAnswer, ChangeAnswer>> ready;
  ready.swap(answers_);
  for (const auto& [give, what] : ready) give(what);
}

// True if the front left the queue or got further, so that there may be more to do.
bool ServiceSwitch::step_front() {
  RunningChange& front = *queue_.front();
  switch (front.phase) {
    case ChangePhase::waiting: return begin_front();
    case ChangePhase::asking: {
      if (!restrictive_waits()) return false;
      front.caught_up = CaughtUpAnswer{false, "another command came before the primary had answered"};
      front.caught_up_epoch = record_.epoch;
      front.move_to(ChangePhase::waiting);
      return true;
    }
    case ChangePhase::latching: return step_latching(front);
    case ChangePhase::applying: return step_applying(front);
    case ChangePhase::draining: break;
  }
  return false;
}

bool ServiceSwitch::begin_front() {
  RunningChange& change = *queue_.front();
  const auto over = [this] {
    queue_.pop_front();
    return true;
  };
  if (change.request.expect_epoch && *change.request.expect_epoch != record_.epoch && !change.first_step_done) {
    answer(change, ChangeAnswer::Kind::stale_epoch);
    return over();
  }
  change.plan = plan_of(change.request);
  if (!change.judged) change.from = record_.to;
  change.judged = true;
  if (change.plan.kind == PlanKind::no_change) {
    begin_update(change);
    return true;
  }
  const GuardFacts facts = facts_for(change);
  if (asks_primary(change, facts)) return true;
  const Judgement judgement = judge_change(change, facts);
  if (!judgement.allowed()) {
    refuse(change, judgement);
    return over();
  }
  change.next = make_record(change);
  change.kind = JournalEntry::Kind::change;
  start_latching(change);
  return true;
}

// The mode is there already, but it need not be fenced yet: the caller waits for that like the one before.
void ServiceSwitch::begin_update(RunningChange& change) {
  const UpdateRequest update{change.request.actor, change.request.reason, change.request.until};
  if (is_worth_a_record(record_, update)) {
    change.next = make_update(record_, update);
    change.kind = JournalEntry::Kind::update;
    start_latching(change);
    return;
  }
  change.generation = present_generation_;
  change.published_at = published_at_;
  if (board_.applied_workers(present_generation_) == board_.workers()) {
    change.published_at = environment_.now();
    change.applied_at = change.published_at;
  }
  leave_queue_for_draining();
}

bool ServiceSwitch::asks_primary(RunningChange& change, const GuardFacts& facts) {
  const bool answered = change.caught_up && change.caught_up_epoch == record_.epoch;
  const auto& overrides = change.request.overrides;
  const bool overridden = std::find(overrides.begin(), overrides.end(), Guard::caught_up) != overrides.end();
  if (answered || overridden || !needs_caught_up_answer(change.plan, facts)) return false;
  change.caught_up_epoch = record_.epoch;
  change.move_to(ChangePhase::asking);
  environment_.ask_caught_up(index_, [this, id = change.id](CaughtUpAnswer got) { on_caught_up(id, std::move(got)); });
  return true;
}

void ServiceSwitch::on_caught_up(uint64_t id, CaughtUpAnswer got) {
  const auto is_it = [id](const ChangePtr& change) { return change->id == id && change->phase == ChangePhase::asking; };
  if (const auto trial = std::find_if(trials_.begin(), trials_.end(), is_it); trial != trials_.end()) {
    const ChangePtr change = std::move(*trial);
    trials_.erase(trial);
    change->caught_up = std::move(got);
    // The mode may have changed meanwhile; a dry run speaks of the moment at which it asked.
    change->caught_up_epoch = record_.epoch;
    change->move_to(ChangePhase::waiting);
    advance_trial(*change);
  } else if (!queue_.empty() && is_it(queue_.front())) {
    queue_.front()->caught_up = std::move(got);
    queue_.front()->move_to(ChangePhase::waiting);
    pump();
  }
  deliver_answers();
}

void ServiceSwitch::run_trial(ChangePtr change) {
  change->plan = plan_of(change->request);
  if (asks_primary(*change, facts_for(*change))) {
    trials_.push_back(std::move(change));
    return;
  }
  advance_trial(*change);
}

void ServiceSwitch::advance_trial(RunningChange& change) {
  change.plan = plan_of(change.request);
  change.from = record_.to;
  if (change.request.expect_epoch && *change.request.expect_epoch != record_.epoch) {
    answer(change, ChangeAnswer::Kind::stale_epoch);
    return;
  }
  const Judgement judgement = judge_change(change, facts_for(change));
  if (judgement.allowed()) {
    answer(change, ChangeAnswer::Kind::done);
  } else {
    refuse(change, judgement);
  }
}

bool ServiceSwitch::is_restrictive(const RunningChange& change) const {
  const Plan planned = plan_of(change.request);
  const bool goes = planned.kind == PlanKind::no_change || planned.kind == PlanKind::change;
  return goes && !writes_pass(planned.to);
}

bool ServiceSwitch::restrictive_waits() const {
  return std::any_of(queue_.begin() + 1, queue_.end(),
                     [this](const ChangePtr& change) { return is_restrictive(*change); });
}

void ServiceSwitch::leave_queue_for_draining() {
  queue_.front()->move_to(ChangePhase::draining);
  draining_.push_back(std::move(queue_.front()));
  queue_.pop_front();
}

// True if a second step went back to the queue.
bool ServiceSwitch::settle_draining() {
  bool queued = false;
  for (size_t i = 0; i < draining_.size();) {
    RunningChange& change = *draining_[i];
    if (!change.applied_at && board_.applied_workers(change.generation) == board_.workers()) {
      change.applied_at = environment_.now();
    }
    const Settled settled = settle(change);
    if (settled == Settled::not_yet) {
      ++i;
      continue;
    }
    if (settled == Settled::second_step) {
      change.move_to(ChangePhase::waiting);
      // Behind the front only if that is being worked on.
      const bool front_is_busy = !queue_.empty() && queue_.front()->phase != ChangePhase::waiting;
      queue_.insert(queue_.begin() + (front_is_busy ? 1 : 0), std::move(draining_[i]));
      queued = true;
    }
    draining_.erase(draining_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return queued;
}

ServiceSwitch::Settled ServiceSwitch::settle(RunningChange& change) {
  const SteadyTime now = environment_.now();
  const bool complete = change.applied_at && fence_.fenced() && !unconfirmed_;
  const bool has_second_step = change.plan.kind == PlanKind::two_steps;
  if (complete && has_second_step) {
    change.first_step_done = true;
    return Settled::second_step;
  }
  if (complete) {
    answer(change, ChangeAnswer::Kind::done);
    return Settled::over;
  }
  bool waited_enough = now >= change.deadline();
  if (change.request.wait.count() == 0 && change.applied_at && !unconfirmed_) {
    waited_enough = !fence_.nothing_drains() || now >= *change.applied_at + kFencedMessageLag;
  }
  if (waited_enough) answer(change, ChangeAnswer::Kind::incomplete);
  if (!has_second_step) return change.answer ? Settled::not_yet : Settled::over;
  if (now < change.published_at + config_.failover.drain + kBeyondDrain) return Settled::not_yet;
  Judgement judgement;
  judgement.results.push_back({Guard::fenced, true, false,
                               fmt::format("the freeze was not completed ({}), so the service stays in {}; look at "
                                           "halfdoor exchanges",
                                           fence_.describe(), to_text(record_.to)),
                               ""});
  refuse(change, judgement);
  return Settled::over;
}

void ServiceSwitch::on_applied(int worker, const ServiceAtSwitch& found) {
  fence_.on_applied(worker, found, environment_.now());
  pump();
  deliver_answers();
}

void ServiceSwitch::on_fenced(int worker, const FencedReport& report) {
  const bool before = fence_.fenced();
  fence_.on_fenced(worker, report, environment_.now());
  if (!before && fence_.fenced()) note_fenced();
  pump();
  deliver_answers();
}

void ServiceSwitch::on_time() {
  // The timer itself is late: the process was stopped, and with it the checks.
  const bool slept = automatic_again_at_ && environment_.now() >= *automatic_again_at_ + kProcessWasStopped;
  if (slept) evidence_since_ = environment_.now();
  if (persist_again_at_ && environment_.now() >= *persist_again_at_) persist_present();
  pump();
  const SteadyTime now = environment_.now();
  for (const ChangePtr& change : queue_) {
    // What is judged or written is about to be answered; the others hear that their turn has not come.
    const bool may_answer = change->phase == ChangePhase::waiting || change->phase == ChangePhase::applying;
    if (change->answer && may_answer && now >= change->deadline()) answer(*change, ChangeAnswer::Kind::incomplete);
  }
  deliver_answers();
}

std::optional<SteadyTime> ServiceSwitch::next_deadline() const {
  std::optional<SteadyTime> next = persist_again_at_;
  const auto at = [&next](SteadyTime time) { next = next ? std::min(*next, time) : time; };
  if (automatic_again_at_) at(*automatic_again_at_);
  if (look_for_forgotten_at_) at(*look_for_forgotten_at_);
  if (reminder_.told > 0) at(reminder_.again_at);
  if (!not_safe_told_) at(published_at_ + kNotSafeAfter);
  if (!persisted_ && !not_persisted_told_) at(published_at_ + kLatchPatience);
  for (const ChangePtr& change : queue_) {
    const bool may_answer = change->phase == ChangePhase::waiting || change->phase == ChangePhase::applying;
    if (change->answer && may_answer) at(change->deadline());
    if (change->phase == ChangePhase::latching) at(latching_deadline(*change));
  }
  for (const ChangePtr& change : draining_) {
    if (change->answer) at(change->deadline());
    if (change->answer && change->request.wait.count() == 0 && change->applied_at && !unconfirmed_) {
      at(*change->applied_at + kFencedMessageLag);
    }
    if (change->plan.kind == PlanKind::two_steps) at(change->published_at + config_.failover.drain + kBeyondDrain);
  }
  return next;
}

}  // namespace halfdoor
