// What a mode switch does to an exchange: judged again, left to finish, moved, or cut.
#include <algorithm>

#include "base/check.h"
#include "exchange/exchange.h"
#include "exchange/exchanges.h"
#include "exchange/second_guard.h"

namespace halfdoor {

namespace {

// A tunnel that has to end ends early once it has been silent for so long.
constexpr int64_t kQuietTunnelMs = 1'000;

}  // namespace

bool Exchange::is_where_mode_allows() const {
  const ServiceState& state = environment_.current->state(service_);
  const Side side = attempt_.server().side;
  const ServiceConfig& service = environment_.config().services[service_];
  // Also where read_only.websocket lets a handshake pass: what goes through a tunnel that began when writes passed may
  // be one. Before a byte was sent it is judged anew.
  if (request_.is_websocket_handshake && !writes_pass(state.mode)) return false;
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
    if (!is_stopping_) switch_deadline_.clear();
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
  if (may_move() && attempt_.watch().is_avoided()) {
    // It would be waited for in vain.
    attempt_.give_up();
    exchanges_.on_moved_at_once(service_);
    judge_again();
    return false;
  }
  is_draining_ = true;
  end_within(environment_.config().services[service_].failover.drain.count());
  return true;
}

void Exchange::end_within(int64_t drain_ms) {
  const int64_t now_ms = environment_.wheel.now_ms();
  // A later change does not prolong the drain of an earlier one.
  drain_ends_ms_ = switch_deadline_.is_set() ? std::min(drain_ends_ms_, now_ms + drain_ms) : now_ms + drain_ms;
  int64_t look_again_ms = std::max<int64_t>(0, drain_ends_ms_ - now_ms);
  if (may_move()) {
    const Milliseconds fallback_after = environment_.config().services[service_].failover.read_fallback_after;
    look_again_ms = std::min(look_again_ms, fallback_after.count());
  } else if (is_tunnel()) {
    look_again_ms = std::min(look_again_ms, kQuietTunnelMs);
  }
  switch_deadline_.set(look_again_ms);
}

void Exchange::on_deadline(Deadline&) {
  if ((!is_draining_ && !is_stopping_) || !attempt_.is_active()) return;
  if (may_move()) {
    attempt_.abandon({});
    finish_drain(DrainEnd::moved);
    return judge_again();
  }
  const int64_t left_ms = drain_ends_ms_ - environment_.wheel.now_ms();
  const int64_t quiet_ms = is_tunnel() ? kQuietTunnelMs - attempt_.tunnel_silence_ms() : left_ms;
  if (left_ms > 0 && quiet_ms > 0) return switch_deadline_.set(std::min(left_ms, quiet_ms));
  const EndedBy by = is_draining_ ? EndedBy::mode_switch : EndedBy::stop;
  cut(left_ms > 0 ? "a tunnel that was quiet" : "cut at the end of failover.drain", by);
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
    // A response must not look complete; a tunnel is simply closed.
    is_tunnel() ? response_pipe_.finish() : response_pipe_.abort();
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
