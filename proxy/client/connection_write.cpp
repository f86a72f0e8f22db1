// What a client's connection writes: interim responses, heads and bodies of responses; and what comes after a response.
#include <algorithm>

#include "client/connection.h"
#include "client/connections.h"
#include "http/body_reader.h"

namespace halfdoor {

namespace {

constexpr int kMostPieces = 64;
constexpr size_t kOutputHighWater = 32 * 1024;
constexpr Milliseconds kCrowdedKeepAlive{5'000};

}  // namespace

void ClientConnection::on_interim_response(const ResponseHead& head) {
  if (head_written_) return;
  write_interim_head(out_, head);
  environment_.exchange.turn.flush_later(*this);
}

void ClientConnection::on_response_ready() { environment_.exchange.turn.flush_later(*this); }

void ClientConnection::on_request_room() {
  if (!input_.empty() || stream_->is_readable()) environment_.exchange.turn.resume_later(*this);
}

bool ClientConnection::wants_close() const {
  const RequestHead& request = exchange_->request();
  return exchange_->closes_client() || reading_broken_ || environment_.connections.is_stopping() ||
         requests_ >= environment_.exchange.limits().requests_per_connection ||
         (request.expects_continue && !request_done_ && !exchange_->sent_continue());
}

void ClientConnection::pull_response() {
  if (!exchange_->has_response() || response_done_) return;
  if (!head_written_) {
    head_written_ = true;
    framing_ = choose_response_framing(exchange_->request(), exchange_->response(), wants_close());
    write_response_head(out_, exchange_->response(), framing_, exchange_->request(),
                        environment_.connections.http_date());
    exchange_->on_head_pulled();
    if (exchange_->is_tunnel()) return begin_tunnel();
  }
  const size_t high_water =
      environment_.exchange.blocks.budget().is_over() ? MemoryBudget::kLeanBufferBytes : kOutputHighWater;
  while (out_.size() < high_water && pull_body()) {
  }
}

bool ClientConnection::pull_body() {
  BodyPipe& pipe = exchange_->response_body();
  if (pipe.empty()) {
    if (pipe.end() != BodyPipe::End::complete) return false;
    if (framing_.framing == BodyFraming::chunked) write_last_chunk(out_, exchange_->response_trailers());
    response_done_ = true;
    return false;
  }
  const size_t moved = framing_.framing == BodyFraming::chunked ? write_chunk(out_, pipe.bytes(), kOutputHighWater)
                                                                : out_.move_from(pipe.bytes(), kOutputHighWater);
  exchange_->on_body_pulled(moved);
  return true;
}

void ClientConnection::flush() {
  if (state_ == State::tunnel) return flush_tunnel();
  while (state_ == State::exchanging) {
    pull_response();
    if (out_.empty()) break;
    if (!write_out()) return;
  }
  if (state_ != State::exchanging || !out_.empty()) return;
  if (response_done_) return on_response_written();
  if (head_written_ && exchange_->response_body().end() == BodyPipe::End::aborted) {
    // Cut short. Only where the end of the stream would read as the end of the body does it take a reset to say so.
    close(framing_.framing == BodyFraming::until_close);
  }
}

bool ClientConnection::write_out() {
  while (!out_.empty()) {
    if (!stream_->is_writable()) {
      if (!write_deadline_.is_set()) {
        write_deadline_.set(environment_.exchange.timeouts().client_write.count());
        environment_.connections.on_stalled(*this);
      }
      return false;
    }
    struct iovec pieces[kMostPieces];
    const IoResult result = stream_->write(pieces, out_.gather(pieces, kMostPieces));
    switch (result.status) {
      case IoResult::Status::ok:
        out_.consume(result.bytes);
        exchange_->on_wire_out(result.bytes);
        if (write_deadline_.is_set()) write_deadline_.set(environment_.exchange.timeouts().client_write.count());
        break;
      case IoResult::Status::would_block: break;
      case IoResult::Status::end:
      case IoResult::Status::failed: close(false); return false;
    }
  }
  if (write_deadline_.is_set()) {
    write_deadline_.clear();
    ListLink<StalledConnectionTag>::leave();
  }
  return true;
}

void ClientConnection::on_response_written() {
  if (reading_broken_) return begin_close();
  if (request_done_) return next_request();
  if (framing_.close && !is_rest_worth_reading()) return begin_close();
  // An early answer: what is left of the body is thrown away, within limits; then the connection goes on.
  if (!is_discarding_) begin_discard();
  environment_.exchange.turn.resume_later(*this);
}

// A client that is busy sending reads the notice only if its body is taken to the end.
bool ClientConnection::is_rest_worth_reading() const {
  const bool is_waiting = exchange_->request().expects_continue && !exchange_->sent_continue();
  return exchange_->discard_limit() > kLingerBytes && !is_waiting;
}

void ClientConnection::begin_discard() {
  is_discarding_ = true;
  const Timeouts& timeouts = environment_.exchange.timeouts();
  const bool is_notice = exchange_->discard_limit() > kLingerBytes;
  read_deadline_.set((is_notice ? timeouts.refused_body : timeouts.linger).count());
}

void ClientConnection::next_request() {
  if (framing_.close || environment_.connections.is_stopping()) return begin_close();
  exchange_->leave({});
  exchange_ = nullptr;
  move_to(State::idle);
  idle_since_ms_ = environment_.exchange.wheel.now_ms();
  const Milliseconds keep_alive = environment_.exchange.timeouts().keep_alive;
  read_deadline_.set(
      (environment_.connections.is_crowded() ? std::min(keep_alive, kCrowdedKeepAlive) : keep_alive).count());
  environment_.connections.on_idle(*this);
  if (!input_.empty() || stream_->is_readable()) environment_.exchange.turn.resume_later(*this);
}

}  // namespace halfdoor
