// A client's connection behind a 101: bytes go both ways, unread, through the pipes of the exchange.
#include <utility>

#include "client/connection.h"
#include "client/connections.h"

namespace halfdoor {

namespace {

constexpr size_t kOutputHighWater = 32 * 1024;

}  // namespace

void ClientConnection::begin_tunnel() {
  move_to(State::tunnel);
  // What the client sent early was held back until now.
  request_done_ = false;
  environment_.exchange.turn.resume_later(*this);
  environment_.exchange.turn.flush_later(*this);
}

void ClientConnection::take_tunnel_bytes() {
  if (input_.empty()) return;
  exchange_->on_wire_in(input_.size());
  exchange_->request_body().push(input_, read_block_);
  input_ = {};
  exchange_->on_request_body();
}

void ClientConnection::finish_tunnel_input() {
  request_done_ = true;
  read_block_.reset();
  exchange_->request_body().finish();
  exchange_->on_request_body();
}

void ClientConnection::flush_tunnel() {
  BodyPipe& pipe = exchange_->response_body();
  do {
    if (!pipe.empty() && out_.size() < kOutputHighWater) {
      exchange_->on_body_pulled(out_.move_from(pipe.bytes(), kOutputHighWater));
    }
    if (!write_out()) return;
  } while (!pipe.empty());
  if (pipe.end() == BodyPipe::End::aborted) return close(/*by_reset=*/true);
  if (pipe.end() != BodyPipe::End::complete) return;
  const bool was_done = std::exchange(response_done_, true);
  if (!exchange_->has_tunnel()) return begin_close();
  if (!was_done) stream_->shutdown_write();
}

}  // namespace halfdoor
