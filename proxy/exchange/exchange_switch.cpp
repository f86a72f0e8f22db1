// What a mode switch does to an exchange: judged again, left to finish, moved, or cut.
#include <algorithm>

#include "base/check.h"
#include "exchange/exchange.h"
#include "exchange/exchanges.h"
#include "exchange/second_guard.h"

namespace halfdoor {

bool Exchange::is_where_mode_allows() const {
  const ServiceState& state = environment_.current->state(service_);
  const Side side = attempt_.server().side;
  const ServiceConfig& service = environment_.config().services[service_];
  return (serving_side(state.mode) == side || is_fallback_) &&
         second_guard_passes(service, state, side, request_, findings_.get());
}

bool Exchange::on_mode_changed() {
  is_draining_ = false;
  if (state_ == State::inspecting) {
    judge_again();
    return false;
  }
  if (!attempt_.is_active()) return false;
  if (is_where_mode_allows()) {
    switch_deadline_.clear();
    if (attempt_.nothing_sent()) {
      // Goes on where it is, but as an exchange of the new epoch.
      drop_generation();
      hold_generation();
      is_fallback_ = context_.is_fallback = serving_side(context_.state->mode) != attempt_.server().side;
    }
    return false;
  }
  if (attempt_.nothing_sent()) {
    attempt_.abandon({});
    judge_again();
    return false;
  }
  is_draining_ = true;
  const FailoverConfig& failover = environment_.config().services[service_].failover;
  const int64_t now_ms = environment_.wheel.now_ms();
  const int64_t drain_ms = failover.drain.count();
  // A later change does not prolong the drain of an earlier one.
  drain_ends_ms_ = switch_deadline_.is_set() ? std::min(drain_ends_ms_, now_ms + drain_ms) : now_ms + drain_ms;
  const int64_t left_ms = std::max<int64_t>(0, drain_ends_ms_ - now_ms);
  switch_deadline_.set(may_move() ? std::min(left_ms, failover.read_fallback_after.count()) : left_ms);
  return true;
}

void Exchange::on_deadline(Deadline&) {
  if (!is_draining_ || !attempt_.is_active()) return;
  if (may_move()) {
    attempt_.abandon({});
    finish_drain(DrainEnd::moved);
    return judge_again();
  }
  const int64_t left_ms = drain_ends_ms_ - environment_.wheel.now_ms();
  if (left_ms > 0) return switch_deadline_.set(left_ms);
  cut("cut at the end of failover.drain", EndedBy::mode_switch);
}

void Exchange::cut(std::string_view why, EndedBy by) {
  const bool was_active = attempt_.is_active() || state_ == State::inspecting;
  if (was_active) note_end(by, why);
  const bool had_final_head = attempt_.has_final_head();
  const bool is_uncertain = attempt_.abandon(why);
  finish_drain(drain_end(is_uncertain), /*was_cut=*/true);
  if (client_ == nullptr) return leave({});
  closes_client_ = true;
  if (!was_active || state_ == State::local || state_ == State::done) return;
  if (head_pulled_ || (had_final_head && !is_resendable_)) {
    response_pipe_.abort();
    return client_->on_response_ready();
  }
  speak_for_current_mode();
  answer(is_uncertain ? environment_.notices.uncertain(context_, request_, 502)
                      : environment_.notices.unreachable(context_, request_, 503));
  closes_client_ = true;
}

void Exchange::let_go_of_generation() {
  if (generation_ == nullptr) return;
  if (state_ == State::local) return drop_generation();
  if (environment_.current->state(service_).epoch == epoch_) {
    // Other services changed; of this one the current snapshot says the same.
    drop_generation();
    return hold_generation();
  }
  cut("held a snapshot from too many mode changes ago", EndedBy::mode_switch);
  drop_generation();
}

DrainEnd Exchange::drain_end(bool is_uncertain) const {
  if (is_uncertain) return DrainEnd::write_uncertain;
  return is_write() ? DrainEnd::write_finished : DrainEnd::other;
}

void Exchange::finish_drain(DrainEnd end, bool was_cut) {
  if (!is_draining_) return;
  is_draining_ = false;
  switch_deadline_.clear();
  exchanges_.on_drain_end(service_, end, was_cut);
}

}  // namespace halfdoor
