#include "upstream/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "upstream/pools.h"

namespace halfdoor {

namespace {

constexpr int kMostPieces = 64;
// Per connection and turn, so that one fast server does not keep the others of the worker waiting.
constexpr size_t kReadBudgetBytes = 8 * Block::kBytes;
// A tail of a block below this is not worth a system call of its own.
constexpr size_t kLeastReadBytes = 4096;
constexpr size_t kOutputHighWater = 32 * 1024;

class LeftStream final : public Disposable {
 public:
  explicit LeftStream(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

 private:
  std::unique_ptr<Stream> stream_;
};

}  // namespace

UpstreamConnection::UpstreamConnection(const UpstreamEnvironment& environment, Pools& pools, ServerId server,
                                       const MessageLimits& limits, ServerSilence& silence,
                                       std::unique_ptr<Stream> stream, const Route& route)
    : environment_(environment),
      pools_(pools),
      server_(server),
      silence_(silence),
      route_(route),
      stream_(std::move(stream)),
      reader_(limits),
      out_(environment.blocks),
      deadline_(environment.wheel, *this),
      last_used_ms_(environment.wheel.now_ms()) {
  stream_->set_handler(this);
}

void UpstreamConnection::move_to(State next) {
  switch (next) {
    case State::connecting: HALFDOOR_CHECK(false); break;
    case State::in_use: HALFDOOR_CHECK(state_ == State::connecting || state_ == State::idle); break;
    case State::idle: HALFDOOR_CHECK(state_ == State::in_use); break;
    case State::dead: HALFDOOR_CHECK(state_ != State::dead); break;
  }
  state_ = next;
}

void UpstreamConnection::begin(UpstreamUser& user, Arena& arena, ResponseHead& head,
                               const ResponseExpectation& expectation) {
  HALFDOOR_CHECK(user_ == nullptr);
  user_ = &user;
  ++uses_;
  has_sent_ = false;
  deadline_.clear();
  reader_.start(arena, head, expectation.is_head, expectation.upgrade_asked);
  if (state_ == State::connecting && route_.others > 0) deadline_.set(route_.patience_ms);
  if (state_ == State::idle) {
    move_to(State::in_use);
    send_later();
  }
}

void UpstreamConnection::resume_reading() {
  if (state_ == State::in_use && stream_->is_readable()) environment_.turn.resume_later(*this);
}

void UpstreamConnection::detach() {
  user_ = nullptr;
  out_.clear();
  ListLink<FlushTag>::leave();
  ListLink<ResumeTag>::leave();
}

void UpstreamConnection::close(bool by_reset) {
  detach();
  deadline_.clear();
  if (by_reset) stream_->reset_on_close();
  move_to(State::dead);
  stream_->set_handler(nullptr);
  stream_->close_early();
}

void UpstreamConnection::wait_idle(int64_t idle_ms) {
  HALFDOOR_CHECK(user_ == nullptr);
  move_to(State::idle);
  last_used_ms_ = environment_.wheel.now_ms();
  read_block_.reset();
  deadline_.set(idle_ms);
}

void UpstreamConnection::on_deadline(Deadline&) {
  if (state_ == State::idle) return pools_.drop_idle(*this);
  if (state_ == State::connecting) try_next_address(ETIMEDOUT);
}

void UpstreamConnection::try_next_address(int error) {
  std::unique_ptr<Stream> next = pools_.connect_elsewhere(server_, route_, error);
  if (next == nullptr) return fail(UpstreamFailure::Kind::connect, "cannot connect", error);
  stream_->set_handler(nullptr);
  stream_->close_early();
  // It may be what is calling.
  environment_.turn.dispose(std::make_unique<LeftStream>(std::exchange(stream_, std::move(next))));
  stream_->set_handler(this);
  if (route_.others > 0) {
    deadline_.set(route_.patience_ms);
  } else {
    deadline_.clear();
  }
}

void UpstreamConnection::on_stream_ready() {
  switch (state_) {
    case State::connecting:
      if (const int error = stream_->finish_connect(); error != 0) {
        try_next_address(error);
      } else if (stream_->is_writable()) {
        if (route_.patience_ms > 0) {
          deadline_.clear();
          pools_.prefer(server_, route_.address);
        }
        move_to(State::in_use);
        send_later();
        // No further edge tells of bytes or an end that came together with the connection.
        if (stream_->is_readable()) read();
      }
      break;
    case State::in_use:
      if (stream_->is_writable() && !out_.empty()) send_later();
      if (stream_->is_readable()) read();
      break;
    case State::idle:
      // Bytes or an end on an idle connection: it must never carry another request.
      if (!looks_alive()) pools_.drop_idle(*this);
      break;
    case State::dead: break;
  }
}

void UpstreamConnection::resume() {
  if (state_ == State::in_use && stream_->is_readable()) read();
}

void UpstreamConnection::read() {
  // Nothing more comes in until there is memory again.
  if (memory_is_exhausted() && !read_block_) return environment_.turn.resume_later(*this);
  size_t budget = kReadBudgetBytes;
  while (state_ == State::in_use && user_ != nullptr && stream_->is_readable() && user_->wants_response()) {
    if (budget == 0) {
      environment_.turn.resume_later(*this);
      return;
    }
    if (!read_block_ || read_block_->space() < kLeastReadBytes) read_block_ = BlockRef(environment_.blocks.take());
    const IoResult result = stream_->read(read_block_->tail(), read_block_->space());
    if (result.status == IoResult::Status::would_block) break;
    if (result.status != IoResult::Status::ok) return on_stream_end(result.error);
    // Whatever it says before it was asked answers nobody, least of all this request.
    if (!has_sent_) return fail(UpstreamFailure::Kind::closed, "the server spoke before it was asked");
    silence_.note_byte(environment_.wheel.now_ms());
    const std::string_view input(read_block_->tail(), result.bytes);
    read_block_->filled += static_cast<uint32_t>(result.bytes);
    budget -= std::min(budget, result.bytes);
    feed(input);
    if (state_ == State::in_use && user_ != nullptr) stream_->look_again();
  }
  if (state_ != State::dead && !stream_->is_readable()) read_block_.reset();
}

void UpstreamConnection::feed(std::string_view input) {
  UpstreamUser* const user = user_;
  while (state_ == State::in_use && user_ == user) {
    switch (reader_.read(input)) {
      case ReadEvent::need_more: return;
      case ReadEvent::head: user->on_response_head(); break;
      case ReadEvent::body: user->on_response_body(reader_.body(), read_block_); break;
      case ReadEvent::end:
        if (is_tunnel_) {
          if (!input.empty()) user->on_response_body(input, read_block_);
          return;
        }
        if (reader_.has_trailers()) user->on_response_trailers(reader_.take_trailers());
        // More bytes than announced belong to nobody.
        return user->on_response_end(input.empty() && !stream_->is_closed() && !write_broken_);
      case ReadEvent::error: return fail(UpstreamFailure::Kind::bad_message, reader_.error().what);
    }
  }
}

void UpstreamConnection::on_stream_end(int error) {
  if (error == 0) {
    const ReadEvent event = reader_.finish();
    if (event == ReadEvent::end) return user_->on_response_end(false);
  }
  fail(UpstreamFailure::Kind::closed,
       reader_.has_begun() ? "the server cut its response short" : "the server closed without a response", error);
}

void UpstreamConnection::fail(UpstreamFailure::Kind kind, std::string_view what, int error) {
  UpstreamUser* const user = user_;
  if (user != nullptr) user->on_upstream_failed({kind, what, error});
}

void UpstreamConnection::flush() {
  while (state_ == State::in_use && user_ != nullptr && stream_->is_writable() && !write_broken_) {
    if (out_.size() < kOutputHighWater) user_->pull_request(out_);
    // Pulling may end the exchange: a write for which no slot is left is refused instead of sent.
    if (state_ != State::in_use || user_ == nullptr || out_.empty()) return;
    struct iovec pieces[kMostPieces];
    const IoResult result = stream_->write(pieces, out_.gather(pieces, kMostPieces));
    if (result.status == IoResult::Status::would_block) return;
    if (result.status == IoResult::Status::failed) {
      // It may have answered before it closed; what it sent says more than our error.
      write_broken_ = true;
      if (stream_->is_readable()) read();
      if (state_ == State::in_use && user_ != nullptr && (is_tunnel_ || !reader_.has_begun())) {
        fail(UpstreamFailure::Kind::closed, "the server closed while the request was sent", result.error);
      }
      return;
    }
    has_sent_ = true;
    out_.consume(result.bytes);
    user_->on_request_sent(result.bytes);
  }
}

}  // namespace halfdoor
