#include "exchange/attempt.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "http/body_reader.h"
#include "http/client_codec.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr size_t kMostPulledBytes = 32 * 1024;
constexpr uint64_t kMostInterimBytes = 64 * 1024;

bool is_event_stream(const ResponseHead& head) {
  const Field* type = head.fields.find(FieldId::content_type);
  return type != nullptr && iequals(trim(type->value.substr(0, type->value.find(';'))), "text/event-stream");
}

}  // namespace

void Attempt::move_to(State next) {
  switch (next) {
    case State::idle: HALFDOOR_CHECK(state_ != State::idle); break;
    case State::connecting: HALFDOOR_CHECK(state_ == State::idle); break;
    case State::sending: HALFDOOR_CHECK(state_ == State::connecting); break;
    case State::awaiting: HALFDOOR_CHECK(state_ == State::sending); break;
    case State::receiving: HALFDOOR_CHECK(state_ == State::sending || state_ == State::awaiting); break;
    case State::tunnelling: HALFDOOR_CHECK(state_ == State::awaiting); break;
  }
  state_ = next;
}

bool Attempt::start(ServerWatch& server, const Terms& terms, Arena& arena, ResponseHead& response) {
  HALFDOOR_CHECK(state_ == State::idle && connection_ == nullptr && !ticket_);
  watch_ = &server;
  terms_ = terms;
  response_ = &response;
  bytes_sent_ = pulled_bytes_ = interim_bytes_ = 0;
  interim_count_ = 0;
  head_pulled_ = all_pulled_ = request_complete_ = became_uncertain_ = server_finished_ = false;
  error_ = 0;
  if (!terms.new_connection) connection_ = environment_.pools.take_idle(server.id(), !terms.may_be_resent);
  if (connection_ == nullptr) connection_ = environment_.pools.connect(server.id(), error_);
  if (connection_ == nullptr) {
    if (error_ == 0) error_ = EHOSTUNREACH;
    if (!is_local_shortage(error_)) counters().connect_failures.add();
    return false;
  }
  counters().in_flight.add();
  counters().attempts.add();
  set_owing(true);
  move_to(State::connecting);
  response.clear();
  connection_->begin(*this, arena, response, terms.expectation);
  deadline_.set(environment_.timeouts().connect.count());
  return true;
}

void Attempt::pull_request(SliceQueue& out) {
  const size_t before = out.size();
  if (!head_pulled_) {
    if (terms_.is_write && !ticket_) {
      ticket_ = environment_.ledger.begin(owner_.write_identity(server()));
      if (!ticket_) {
        drop(false);
        return owner_.on_ledger_full();
      }
    }
    pull_head(out);
  }
  pull_body(out);
  pulled_bytes_ += out.size() - before;
  // The end of a body with a length comes without a byte of its own.
  note_if_complete();
}

void Attempt::pull_head(SliceQueue& out) {
  if (state_ == State::connecting) move_to(State::sending);
  head_pulled_ = true;
  const RequestHead& head = owner_.make_request(server());
  framing_ = head.has_body() ? head.framing : BodyFraming::none;
  write_request_head(out, head);
  deadline_.set(environment_.timeouts().first_byte.count());
}

void Attempt::pull_body(SliceQueue& out) {
  if (all_pulled_) return;
  BodyPipe& pipe = owner_.request_body();
  // Until the first byte is taken, what is pulled could still be asked back.
  if (bytes_sent_ == 0 && !pipe.empty()) unsent_body_.copy_from(pipe.bytes(), kMostPulledBytes);
  switch (framing_) {
    case BodyFraming::none: break;
    case BodyFraming::chunked:
      while (out.size() < kMostPulledBytes && write_chunk(out, pipe.bytes(), kMostPulledBytes) > 0) {
      }
      break;
    case BodyFraming::length:
    case BodyFraming::until_close: out.move_from(pipe.bytes(), kMostPulledBytes); break;
  }
  if (framing_ == BodyFraming::none || pipe.is_finished()) {
    all_pulled_ = true;
    // Not where it has answered already.
    if (state_ == State::sending) set_owing(true);
    if (framing_ == BodyFraming::chunked) write_last_chunk(out, owner_.request_trailers());
  } else {
    // The rest is the client's to send.
    set_owing(false);
    owner_.on_request_pulled();
  }
}

void Attempt::on_request_sent(size_t bytes) {
  bytes_sent_ += bytes;
  unsent_body_.clear();
  if (state_ == State::sending || state_ == State::awaiting) {
    deadline_.set(environment_.timeouts().first_byte.count());
  } else if (state_ == State::tunnelling) {
    deadline_.set(longest_silence_ms_);
  }
  note_if_complete();
}

void Attempt::note_if_complete() {
  if (!all_pulled_ || bytes_sent_ != pulled_bytes_) return;
  if (request_complete_) return;
  request_complete_ = true;
  if (state_ == State::sending) move_to(State::awaiting);
  if (state_ == State::tunnelling) on_client_finished();
}

void Attempt::on_response_head() {
  if (response_->is_interim()) {
    // Where nobody asked for an upgrade the codec refuses it.
    if (response_->status == 101) return begin_tunnel();
    interim_bytes_ += response_->reason.size();
    for (const Field& field : response_->fields) interim_bytes_ += field.name.size() + field.value.size();
    if (++interim_count_ > environment_.limits().interim_responses || interim_bytes_ > kMostInterimBytes) {
      return on_upstream_failed({UpstreamFailure::Kind::bad_message, "too many interim responses", 0});
    }
    deadline_.set(environment_.timeouts().first_byte.count());
    return owner_.on_interim_head();
  }
  settle();
  set_owing(false);
  move_to(State::receiving);
  const Timeouts& timeouts = environment_.timeouts();
  longest_silence_ms_ = (is_event_stream(*response_) ? timeouts.event_stream : timeouts.response_body).count();
  deadline_.set(longest_silence_ms_);
  owner_.on_final_head();
}

void Attempt::on_response_body(std::string_view bytes, const BlockRef& holder) {
  deadline_.set(longest_silence_ms_);
  owner_.on_body(bytes, holder);
}

void Attempt::on_response_end(bool is_reusable) {
  if (state_ == State::tunnelling) {
    if (std::exchange(server_finished_, true)) return;
    if (request_complete_) drop(false);
    return owner_.on_end();
  }
  if (is_reusable && response_->keep_alive && request_complete_ && is_side_in_use()) {
    const int64_t idle_ms = response_->keep_alive_timeout_s < 0 ? -1 : response_->keep_alive_timeout_s * 1000LL;
    environment_.pools.give_back(std::move(connection_), idle_ms);
    leave();
  } else {
    drop(!request_complete_ && !terms_.may_be_resent);
  }
  owner_.on_end();
}

bool Attempt::is_side_in_use() const {
  const ServiceState& state = environment_.current->state(server().service);
  return serving_side(state.mode) == server().side ||
         (server().side == Side::backup && may_fall_back(state.mode, state.diverged));
}

void Attempt::on_upstream_failed(const UpstreamFailure& failure) {
  if (failure.kind == UpstreamFailure::Kind::connect) counters().connect_failures.add();
  fail({failure.kind, failure.what, failure.error, /*is_timeout=*/false, nothing_sent(), has_final_head(),
        connection_->is_reused() && failure.kind == UpstreamFailure::Kind::closed && !has_final_head() &&
            interim_count_ == 0});
}

void Attempt::on_deadline(Deadline&) {
  switch (state_) {
    case State::idle: break;
    case State::connecting:
      counters().connect_failures.add();
      fail({UpstreamFailure::Kind::connect, "no connection within timeouts.connect", ETIMEDOUT, true, true, false,
            false});
      break;
    case State::sending:
      if (!all_pulled_ && bytes_sent_ == pulled_bytes_) {
        // It is the client that does not send; its own deadline judges that.
        deadline_.set(environment_.timeouts().first_byte.count());
        break;
      }
      [[fallthrough]];
    case State::awaiting:
      fail({UpstreamFailure::Kind::closed, "no response within timeouts.first_byte", ETIMEDOUT, true, nothing_sent(),
            false, false});
      break;
    case State::receiving:
      if (!owner_.wants_body()) {
        // It is the client that does not read; its own deadline judges that.
        deadline_.set(longest_silence_ms_);
        break;
      }
      fail({UpstreamFailure::Kind::closed, "the response stopped for timeouts.response_body", ETIMEDOUT, true, false,
            true, false});
      break;
    case State::tunnelling:
      // What is still queued for a server that does not read must not arrive as if it were all there was.
      drop(/*by_reset=*/bytes_sent_ != pulled_bytes_);
      owner_.on_attempt_failed({UpstreamFailure::Kind::closed, "no byte on the tunnel for timeouts.tunnel_idle",
                                ETIMEDOUT, /*is_timeout=*/true, /*nothing_sent=*/false, /*has_final_head=*/true,
                                /*was_reused=*/false});
      break;
  }
}

void Attempt::begin_tunnel() {
  const std::string_view flaw = request_complete_ ? owner_.find_upgrade_flaw() : "101 before the request was complete";
  if (!flaw.empty()) return on_upstream_failed({UpstreamFailure::Kind::bad_message, flaw, 0});
  settle();
  set_owing(false);
  move_to(State::tunnelling);
  service_counters().tunnels.add();
  connection_->become_tunnel();
  framing_ = BodyFraming::until_close;
  all_pulled_ = request_complete_ = false;
  longest_silence_ms_ = environment_.timeouts().tunnel_idle.count();
  deadline_.set(longest_silence_ms_);
  owner_.on_tunnel();
}

int64_t Attempt::tunnel_silence_ms() const {
  return environment_.wheel.now_ms() - (deadline_.expires_ms() - longest_silence_ms_);
}

void Attempt::on_client_finished() {
  if (!server_finished_) return connection_->finish_sending();
  drop(false);
  owner_.on_end();
}

void Attempt::fail(AttemptFailure failure) {
  if (!failure.has_final_head) counters().failures.add();
  if (failure.nothing_sent) restore_unsent();
  // A request that was cut must not go on being delivered from the kernel's queue.
  const bool is_cut = !failure.nothing_sent && !terms_.may_be_resent;
  if (is_cut && terms_.is_write && !failure.has_final_head) {
    settle_uncertain(failure.what);
  } else {
    settle();
  }
  drop(is_cut);
  owner_.on_attempt_failed(failure);
}

bool Attempt::abandon(std::string_view why) {
  if (state_ == State::idle) return false;
  const bool is_uncertain = !nothing_sent() && terms_.is_write && !has_final_head();
  if (nothing_sent()) restore_unsent();
  if (is_uncertain) {
    settle_uncertain(why);
  } else {
    settle();
  }
  // After a plain close the kernel goes on delivering what is queued: also to a side that has been left by then.
  drop(!nothing_sent());
  return is_uncertain;
}

void Attempt::give_up() {
  if (!has_final_head()) counters().failures.add();
  if (state_ == State::connecting) counters().connect_failures.add();
  abandon({});
}

void Attempt::restore_unsent() {
  if (unsent_body_.empty()) return;
  // In order: what had been pulled, then what has come since.
  BodyPipe& pipe = owner_.request_body();
  unsent_body_.move_from(pipe.bytes(), pipe.size());
  pipe.bytes().move_from(unsent_body_, unsent_body_.size());
}

void Attempt::settle() {
  if (ticket_) environment_.ledger.clear(*ticket_);
  ticket_.reset();
}

void Attempt::settle_uncertain(std::string_view why) {
  became_uncertain_ = true;
  if (ticket_) environment_.ledger.mark_uncertain(*ticket_, bytes_sent_, why);
  service_counters().uncertain.add();
  ticket_.reset();
}

void Attempt::drop(bool by_reset) {
  environment_.pools.discard(std::move(connection_), by_reset);
  leave();
}

void Attempt::leave() {
  deadline_.clear();
  unsent_body_.clear();
  set_owing(false);
  counters().in_flight.subtract();
  if (state_ == State::tunnelling) service_counters().tunnels.subtract();
  move_to(State::idle);
}

}  // namespace halfdoor
