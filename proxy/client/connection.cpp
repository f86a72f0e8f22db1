#include "client/connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "client/connections.h"

namespace halfdoor {

namespace {

// Per connection and turn, so that one fast client does not keep the others of the worker waiting.
constexpr size_t kReadBudgetBytes = 8 * Block::kBytes;
constexpr size_t kLeastReadBytes = 4096;
constexpr Milliseconds kBodyWindow{10'000};

}  // namespace

ClientConnection::ClientConnection(const ClientEnvironment& environment, const MessageLimits& limits,
                                   std::unique_ptr<Stream> stream, const ListenConfig& listener, const Address& peer,
                                   std::string_view local)
    : environment_(environment),
      limits_(limits),
      stream_(std::move(stream)),
      address_text_(peer.host_text()),
      reader_(limits),
      out_(environment.exchange.blocks),
      read_deadline_(environment.exchange.wheel, *this),
      write_deadline_(environment.exchange.wheel, *this) {
  info_.listener = &listener;
  info_.address = address_text_;
  info_.local = local;
  info_.is_trusted = std::any_of(listener.trusted_proxies.begin(), listener.trusted_proxies.end(),
                                 [&](const Network& network) { return network.contains(peer); });
  stream_->set_handler(this);
  // Browsers open connections ahead of need: one on which no byte comes is closed silently.
  read_deadline_.set(environment.exchange.timeouts().request_head.count());
  idle_since_ms_ = environment.exchange.wheel.now_ms();
  environment.connections.on_idle(*this);
}

ClientConnection::~ClientConnection() { HALFDOOR_CHECK(exchange_ == nullptr); }

void ClientConnection::move_to(State next) {
  switch (next) {
    case State::idle: HALFDOOR_CHECK(state_ == State::exchanging); break;
    case State::reading_head: HALFDOOR_CHECK(state_ == State::idle); break;
    case State::exchanging: HALFDOOR_CHECK(state_ == State::idle || state_ == State::reading_head); break;
    case State::tunnel: HALFDOOR_CHECK(state_ == State::exchanging); break;
    case State::lingering: HALFDOOR_CHECK(state_ == State::exchanging || state_ == State::tunnel); break;
    case State::closed: HALFDOOR_CHECK(state_ != State::closed); break;
  }
  if (state_ == State::idle) ListLink<IdleConnectionTag>::leave();
  state_ = next;
}

// Reading -------------------------------------------------------------------------------------------------------------

void ClientConnection::on_stream_ready() {
  if (state_ == State::closed) return;
  if (stream_->is_writable() && !out_.empty()) environment_.exchange.turn.flush_later(*this);
  if (!stream_->is_readable()) return;
  if (may_read()) return read();
  // Between the end of a request and its response a readable edge is a pipelined request, a client that has shut its
  // half, or one that has gone; only the last ends the exchange.
  // In a tunnel it is one that was stopped for lack of room, or has shut its half.
  const bool is_waiting = state_ == State::exchanging || state_ == State::tunnel;
  if (is_waiting && stream_->finish_connect() != 0) close(false);
}

bool ClientConnection::may_read() const {
  switch (state_) {
    case State::idle:
    case State::reading_head: return input_.empty();
    case State::exchanging:
      return input_.empty() && !request_done_ && !reading_broken_ &&
             (exchange_->discards_request_body() || !exchange_->request_body().is_full());
    case State::tunnel: return input_.empty() && !request_done_ && !exchange_->request_body().is_full();
    case State::lingering: return true;
    case State::closed: return false;
  }
  return false;
}

void ClientConnection::read() {
  // Nothing more comes in until there is memory again.
  if (memory_is_exhausted() && !read_block_) return environment_.exchange.turn.resume_later(*this);
  size_t budget = kReadBudgetBytes;
  while (may_read() && stream_->is_readable()) {
    if (budget == 0) {
      environment_.exchange.turn.resume_later(*this);
      break;
    }
    if (!read_block_ || read_block_->space() < kLeastReadBytes) {
      read_block_ = BlockRef(environment_.exchange.blocks.take());
    }
    const IoResult result = stream_->read(read_block_->tail(), read_block_->space());
    if (result.status == IoResult::Status::would_block) break;
    if (result.status == IoResult::Status::end) return on_stream_end();
    if (result.status == IoResult::Status::failed) return close(false);
    input_ = {read_block_->tail(), result.bytes};
    read_block_->filled += static_cast<uint32_t>(result.bytes);
    budget -= std::min(budget, result.bytes);
    process();
    if (state_ != State::idle && may_read()) stream_->look_again();
  }
  if (input_.empty()) read_block_.reset();
}

void ClientConnection::resume() {
  if (state_ == State::closed) return;
  process();
  if (state_ == State::closed) return;
  if (stream_->is_readable() && may_read()) return read();
  if (input_.empty()) read_block_.reset();
}

void ClientConnection::on_stream_end() {
  if (state_ == State::tunnel) return finish_tunnel_input();
  if (state_ == State::exchanging && !request_done_) exchange_->request_body().abort();
  close(false);
}

void ClientConnection::process() {
  bool goes_on = true;
  while (goes_on) {
    switch (state_) {
      case State::idle:
      case State::reading_head: goes_on = process_head(); break;
      case State::exchanging: goes_on = process_body(); break;
      case State::tunnel: return take_tunnel_bytes();
      case State::lingering:
        thrown_away_ += input_.size();
        input_ = {};
        if (thrown_away_ > kLingerBytes) close(true);
        return;
      case State::closed: return;
    }
  }
}

ReadEvent ClientConnection::read_message() {
  const size_t before = input_.size();
  const ReadEvent event = reader_.read(input_);
  exchange_->on_wire_in(before - input_.size());
  return event;
}

bool ClientConnection::process_head() {
  if (input_.empty()) return false;
  if (exchange_ == nullptr) {
    exchange_ = &environment_.exchanges.take();
    reader_.start(exchange_->arena(), exchange_->request());
  }
  const ReadEvent event = read_message();
  note_head_bytes();
  if (state_ == State::idle && (event != ReadEvent::need_more || reader_.has_begun())) exchange_->begin(info_);
  switch (event) {
    case ReadEvent::need_more:
      if (state_ == State::idle && reader_.has_begun()) {
        move_to(State::reading_head);
        // The first head of a connection has its deadline since the connection was accepted.
        if (requests_ > 0) read_deadline_.set(environment_.exchange.timeouts().request_head.count());
      }
      return false;
    case ReadEvent::head:
      // No longer idle: making room must not close the one that asks for it.
      if (state_ == State::idle) move_to(State::reading_head);
      if (!environment_.connections.has_room_for_request()) {
        environment_.exchange.counters.refused_for_memory.add();
        // Not even for an answer.
        if (memory_is_exhausted()) {
          close(/*by_reset=*/true);
          return false;
        }
        refuse(503, "too much is going on here, please come again");
        return false;
      }
      read_deadline_.clear();
      move_to(State::exchanging);
      ++requests_;
      request_done_ = head_written_ = response_done_ = is_discarding_ = was_stopped_ = false;
      thrown_away_ = window_bytes_ = 0;
      exchange_->start(*this);
      return true;
    case ReadEvent::error: refuse(reader_.error().status, reader_.error().what); return false;
    case ReadEvent::body:
    case ReadEvent::end: HALFDOOR_CHECK(false);
  }
  return false;
}

void ClientConnection::note_head_bytes() {
  MemoryBudget& budget = environment_.exchange.blocks.budget();
  budget.release(head_bytes_);
  head_bytes_ = reader_.held_bytes();
  budget.hold(head_bytes_);
}

bool ClientConnection::process_body() {
  if (request_done_ || reading_broken_) return false;
  if (exchange_->discards_request_body()) {
    if (!is_discarding_) begin_discard();
  } else if (!input_.empty() && exchange_->request_body().is_full()) {
    return false;
  }
  switch (read_message()) {
    case ReadEvent::need_more:
      if (!read_deadline_.is_set()) {
        window_start_ms_ = last_body_ms_ = environment_.exchange.wheel.now_ms();
        window_bytes_ = 0;
        read_deadline_.set(body_window().count());
      }
      return false;
    case ReadEvent::body: take_body(reader_.body()); return state_ == State::exchanging;
    case ReadEvent::end:
      if (reader_.has_trailers()) {
        const std::string_view what = exchange_->take_request_trailers(reader_.take_trailers());
        if (!what.empty()) {
          refuse(400, what);
          return false;
        }
      }
      request_done_ = true;
      read_deadline_.clear();
      exchange_->request_body().finish();
      exchange_->on_request_body();
      if (response_done_ && out_.empty()) on_response_written();
      return false;
    case ReadEvent::error: refuse(reader_.error().status, reader_.error().what); return false;
    case ReadEvent::head: HALFDOOR_CHECK(false);
  }
  return false;
}

void ClientConnection::take_body(std::string_view piece) {
  window_bytes_ += piece.size();
  last_body_ms_ = environment_.exchange.wheel.now_ms();
  if (!is_discarding_) {
    exchange_->request_body().push(piece, read_block_);
    was_stopped_ = was_stopped_ || exchange_->request_body().is_full();
    return exchange_->on_request_body();
  }
  thrown_away_ += piece.size();
  if (thrown_away_ <= exchange_->discard_limit()) return;
  reading_broken_ = true;
  if (response_done_ && out_.empty()) begin_close();
}

void ClientConnection::refuse(int status, std::string_view why) {
  if (state_ != State::exchanging) {
    move_to(State::exchanging);
    head_written_ = response_done_ = is_discarding_ = false;
    request_done_ = false;
    thrown_away_ = 0;
  }
  reading_broken_ = true;
  read_deadline_.clear();
  input_ = {};
  // It has had its answer.
  if (response_done_ && out_.empty()) return begin_close();
  exchange_->request_body().abort();
  exchange_->refuse(*this, status, why);
}

void ClientConnection::refuse_for_lack_of_room() {
  was_refused_ = true;
  exchange_ = &environment_.exchanges.take();
  exchange_->begin(info_);
  refuse(503, "too many connections");
}

// Ending --------------------------------------------------------------------------------------------------------------

void ClientConnection::begin_close() {
  // Bytes left unread would make the kernel reset the connection, and the client might lose what it has not read yet.
  if (request_done_ && input_.empty() && !stream_->is_readable()) return close(false);
  exchange_->leave({});
  exchange_ = nullptr;
  move_to(State::lingering);
  stream_->shutdown_write();
  thrown_away_ = 0;
  read_deadline_.set(environment_.exchange.timeouts().linger.count());
  environment_.exchange.turn.resume_later(*this);
}

void ClientConnection::end_idle() {
  if (state_ != State::idle) return;
  stream_->look_again();
  resume();
  if (state_ == State::idle) close(false);
}

void ClientConnection::cut() {
  if (exchange_ != nullptr) exchange_->note_end(EndedBy::stop, "halfdoor stopped");
  close(/*by_reset=*/owes_response());
}

void ClientConnection::close(bool by_reset) {
  if (exchange_ != nullptr) {
    const bool is_answered = response_done_ && out_.empty() &&
                             (state_ == State::exchanging || (state_ == State::tunnel && !exchange_->has_tunnel()));
    exchange_->leave(is_answered               ? std::string_view{}
                     : state_ == State::tunnel ? "the client broke the tunnel off"
                     : request_done_           ? "the client left before the response was complete"
                                               : "the client left before the request was complete",
                     out_.size());
    exchange_ = nullptr;
  }
  if (by_reset) stream_->reset_on_close();
  move_to(State::closed);
  environment_.exchange.blocks.budget().release(head_bytes_);
  head_bytes_ = 0;
  out_.clear();
  read_block_.reset();
  stream_->set_handler(nullptr);
  stream_->close_early();
  read_deadline_.clear();
  write_deadline_.clear();
  ListLink<FlushTag>::leave();
  ListLink<ResumeTag>::leave();
  input_ = {};
  environment_.connections.on_closed(*this);
}

Milliseconds ClientConnection::body_window() const {
  return std::min(kBodyWindow, environment_.exchange.timeouts().request_body);
}

void ClientConnection::check_body_progress() {
  const int64_t now_ms = environment_.exchange.wheel.now_ms();
  const Milliseconds silence = environment_.exchange.timeouts().request_body;
  const bool was_willing = !was_stopped_;
  if (was_willing && now_ms - last_body_ms_ >= silence.count()) return refuse(408, "the request body stopped");
  if (!was_willing) last_body_ms_ = now_ms;
  // Only whole windows are judged: a client that comes just before each look would never be seen to be slow.
  if (now_ms - window_start_ms_ >= kBodyWindow.count()) {
    const uint64_t least = kSlowestBodyBytesPerSecond * static_cast<uint64_t>(kBodyWindow.count()) / 1000;
    if (was_willing && window_bytes_ > 0 && window_bytes_ < least) {
      return refuse(408, "the request body came too slowly");
    }
    was_stopped_ = exchange_->request_body().is_full();
    window_start_ms_ = now_ms;
    window_bytes_ = 0;
  }
  const int64_t until_ms = std::min(window_start_ms_ + kBodyWindow.count(), last_body_ms_ + silence.count());
  read_deadline_.set(std::max<int64_t>(1, until_ms - now_ms));
}

void ClientConnection::on_deadline(Deadline& deadline) {
  if (&deadline == &write_deadline_) {
    exchange_->note_end(EndedBy::timeout, "the client did not read for timeouts.client_write");
    return close(true);
  }
  switch (state_) {
    case State::idle: return close(false);
    case State::reading_head: return refuse(408, "the request head was not complete in time");
    case State::exchanging:
      if (!is_discarding_) return check_body_progress();
      reading_broken_ = true;
      if (response_done_ && out_.empty()) begin_close();
      return;
    case State::lingering: return close(false);
    case State::tunnel:
    case State::closed: return;
  }
}

}  // namespace halfdoor
