#include "control/http_connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include "base/check.h"
#include "control/http_server.h"

namespace halfdoor {

namespace {

constexpr size_t kMostBodyBytes = 64 << 10;
constexpr size_t kMostHeadBytes = 16 << 10;
// More than one read of it is left to the kernel.
constexpr size_t kMostInputBytes = 16 << 10;
// A watcher that leaves more than this unread is cut.
constexpr size_t kMostUnreadEvents = 256 << 10;
constexpr int64_t kIdleMs = 30'000;
// Absolute: for a whole request, and for taking a whole answer.
constexpr int64_t kRequestMs = 10'000;
constexpr int64_t kAnswerMs = 30'000;
constexpr int64_t kLingerMs = 1'000;
constexpr size_t kMostThrownAway = 1 << 20;

const MessageLimits& limits() {
  static const MessageLimits limits = [] {
    MessageLimits made;
    made.head = kMostHeadBytes;
    return made;
  }();
  return limits;
}

}  // namespace

HttpConnection::HttpConnection(HttpServer& server, struct event_base* base, UniqueFd fd, bool over_tcp)
    : server_(server), over_tcp_(over_tcp), reader_(limits()) {
  stream_ = bufferevent_socket_new(base, fd.release(), BEV_OPT_CLOSE_ON_FREE);
  HALFDOOR_CHECK(stream_ != nullptr);
  deadline_ = evtimer_new(
      base, [](evutil_socket_t, short, void* self) { static_cast<HttpConnection*>(self)->close(); }, this);
  HALFDOOR_CHECK(deadline_ != nullptr);
  bufferevent_setcb(
      stream_, [](bufferevent*, void* self) { static_cast<HttpConnection*>(self)->read(); },
      [](bufferevent*, void* self) { static_cast<HttpConnection*>(self)->on_written(); },
      [](bufferevent*, short what, void* self) {
        auto* const connection = static_cast<HttpConnection*>(self);
        if ((what & BEV_EVENT_EOF) == 0) return connection->close();
        // Whoever shuts only its half still gets the answer to what it has asked.
        connection->peer_has_ended_ = true;
        const bool is_answering = connection->state_ == State::calling || connection->state_ == State::writing;
        if (!is_answering) connection->close();
      },
      this);
  bufferevent_setwatermark(stream_, EV_READ, 0, kMostInputBytes);
  bufferevent_enable(stream_, EV_READ | EV_WRITE);
  reader_.start(arena_, head_);
  set_deadline(kRequestMs);
}

HttpConnection::~HttpConnection() {
  if (call_ != nullptr) call_->cut_loose();
  event_free(deadline_);
  bufferevent_free(stream_);
}

void HttpConnection::move_to(State next) {
  switch (next) {
    case State::idle: HALFDOOR_CHECK(state_ == State::writing); break;
    case State::reading: HALFDOOR_CHECK(state_ == State::idle); break;
    case State::calling: HALFDOOR_CHECK(state_ == State::idle || state_ == State::reading); break;
    case State::streaming: HALFDOOR_CHECK(state_ == State::calling); break;
    case State::writing: HALFDOOR_CHECK(state_ == State::calling); break;
    case State::lingering: HALFDOOR_CHECK(state_ == State::writing || state_ == State::streaming); break;
    case State::closed: HALFDOOR_CHECK(state_ != State::closed); break;
  }
  state_ = next;
}

void HttpConnection::set_deadline(int64_t ms) {
  const timeval wait{static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
  event_add(deadline_, &wait);
}

void HttpConnection::close() {
  if (state_ == State::closed) return;
  move_to(State::closed);
  if (call_ != nullptr) call_->cut_loose();
  call_.reset();
  event_del(deadline_);
  bufferevent_disable(stream_, EV_READ | EV_WRITE);
  bufferevent_setcb(stream_, nullptr, nullptr, nullptr, nullptr);
  server_.on_closed(*this);
}

size_t HttpConnection::unsent() const { return evbuffer_get_length(bufferevent_get_output(stream_)); }
int HttpConnection::fd() const { return bufferevent_getfd(stream_); }

void HttpConnection::read() {
  evbuffer* const input = bufferevent_get_input(stream_);
  while (state_ == State::idle || state_ == State::reading) {
    // Also without a byte more: the end of a body comes without one of its own.
    const size_t contiguous = evbuffer_get_contiguous_space(input);
    std::string_view bytes;
    if (contiguous > 0) {
      bytes = {reinterpret_cast<const char*>(evbuffer_pullup(input, static_cast<ev_ssize_t>(contiguous))), contiguous};
    }
    const ReadEvent event = reader_.read(bytes);
    // A piece of the body is a view into what is drained here.
    if (event == ReadEvent::body) on_body();
    evbuffer_drain(input, contiguous - bytes.size());
    if (state_ == State::idle && reader_.has_begun()) {
      move_to(State::reading);
      set_deadline(kRequestMs);
    }
    switch (event) {
      case ReadEvent::need_more:
        if (evbuffer_get_length(input) == 0) return;
        break;
      case ReadEvent::body: break;
      case ReadEvent::head: on_head(); break;
      case ReadEvent::end: on_complete(); break;
      case ReadEvent::error: refuse(reader_.error().status, reader_.error().what); break;
    }
  }
  if (state_ != State::lingering) return;
  thrown_away_ += evbuffer_get_length(input);
  evbuffer_drain(input, evbuffer_get_length(input));
  if (thrown_away_ > kMostThrownAway) close();
}

void HttpConnection::on_head() {
  if (head_.framing == BodyFraming::length && head_.content_length > kMostBodyBytes) {
    return refuse(413, "a body may have 64 KiB here");
  }
  if (head_.expects_continue) write("HTTP/1.1 100 Continue\r\n\r\n");
}

void HttpConnection::on_body() {
  body_.append(reader_.body());
  if (body_.size() > kMostBodyBytes) refuse(413, "a body may have 64 KiB here");
}

void HttpConnection::on_complete() {
  move_to(State::calling);
  event_del(deadline_);
  closes_ = !head_.keep_alive;
  call_ = HttpCall::begin(*this, std::move(body_));
  body_.clear();
  const std::shared_ptr<HttpCall> call = call_;
  server_.answer(call);
}

void HttpConnection::refuse(int status, std::string_view why) {
  move_to(State::calling);
  closes_ = true;
  const std::shared_ptr<HttpCall> call = call_ = HttpCall::begin(*this, {});
  reply_problem(*call, status, std::string(why));
}

void HttpConnection::write(std::string_view text) { bufferevent_write(stream_, text.data(), text.size()); }

void HttpConnection::write_head(int status, const std::string& content_type, const HttpCall::Fields& fields,
                                std::string_view rest) {
  std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n", status,
      reason_phrase(status), content_type);
  for (const auto& [name, value] : fields) text += fmt::format("{}: {}\r\n", name, value);
  write(text.append(rest));
}

void HttpConnection::reply(int status, const std::string& content_type, const std::string& body,
                           const HttpCall::Fields& fields) {
  call_.reset();
  move_to(State::writing);
  set_deadline(kAnswerMs);
  if (peer_has_ended_) closes_ = true;
  if (!server_.has_room_for(body.size())) {
    closes_ = true;
    return write_head(503, "text/plain", {}, "Content-Length: 0\r\nConnection: close\r\n\r\n");
  }
  write_head(status, content_type, fields,
             fmt::format("Content-Length: {}\r\n{}\r\n", body.size(), closes_ ? "Connection: close\r\n" : ""));
  if (head_.method != "HEAD") write(body);
}

void HttpConnection::on_written() {
  if (state_ == State::streaming) event_del(deadline_);
  if (state_ != State::writing) return;
  if (closes_) return begin_linger();
  move_to(State::idle);
  arena_.reset();
  reader_.start(arena_, head_);
  set_deadline(kIdleMs);
  read();
}

void HttpConnection::begin_linger() {
  if (peer_has_ended_) return close();
  move_to(State::lingering);
  ::shutdown(fd(), SHUT_WR);
  set_deadline(kLingerMs);
  read();
}

void HttpConnection::start_stream() {
  move_to(State::streaming);
  write_head(200, "text/event-stream", {}, "Connection: close\r\n\r\n");
}

bool HttpConnection::send(std::string_view text) {
  if (unsent() + text.size() > kMostUnreadEvents) {
    close();
    return false;
  }
  write(text);
  if (!evtimer_pending(deadline_, nullptr)) set_deadline(kAnswerMs);
  return true;
}

void HttpConnection::end_stream() {
  call_.reset();
  begin_linger();
}

}  // namespace halfdoor
