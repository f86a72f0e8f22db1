// WebSocket: the handshake, and what makes a tunnel of its exchange.
#include "exchange/exchange.h"
#include "exchange/exchanges.h"
#include "exchange/websocket.h"

namespace halfdoor {

bool Exchange::refuse_bad_handshake() {
  const std::string_view flaw = find_handshake_flaw(request_);
  if (flaw.empty()) return false;
  answer_plain(400, flaw);
  // What follows may be meant for another protocol.
  closes_client_ = true;
  return true;
}

std::string_view Exchange::find_upgrade_flaw() const { return halfdoor::find_upgrade_flaw(request_, response_); }

void Exchange::on_tunnel() {
  notes_.server_status = response_.status;
  notes_.first_byte_ms = environment_.wheel.now_ms();
  if (client_ == nullptr) {
    finish_drain(drain_end(attempt_.abandon({})));
    return leave({});
  }
  if (is_draining_ || exchanges_.is_stopping()) {
    // Nothing has gone through it yet: the client may ask again, and is judged anew.
    note_end(is_draining_ ? EndedBy::mode_switch : EndedBy::stop, "the 101 came too late");
    attempt_.abandon({});
    finish_drain(drain_end(false), /*was_cut=*/true);
    speak_for_current_mode();
    return answer(environment_.notices.unreachable(context_, request_, 503));
  }
  move_to(State::tunnel);
  request_pipe_.reset();
  remove_hop_by_hop(response_.fields);
  add_websocket_upgrade(response_.fields);
  speak_for_current_mode();
  for (Filter* filter : generation_->chain(service_).rewrite_response) filter->rewrite_response(context_, response_);
  client_->on_response_ready();
}

// The server has finished, or both sides have.
void Exchange::note_tunnel_end() {
  const bool client_was_first =
      request_pipe_.end() == BodyPipe::End::complete && response_pipe_.end() == BodyPipe::End::open;
  note_end(client_was_first ? EndedBy::client : EndedBy::server, {});
}

void Exchange::begin_stop(int64_t drain_ms) {
  if (!has_tunnel()) return;
  is_stopping_ = true;
  end_within(drain_ms);
}

}  // namespace halfdoor
