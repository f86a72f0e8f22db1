// Streams over sockets: registered once with both directions, edge-triggered; no epoll_ctl afterwards.
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "event/listen.h"
#include "event/loop.h"

namespace halfdoor {

namespace {

constexpr int kUnacknowledgedTimeoutMs = 30'000;

template <class Call>
ssize_t retry_interrupted(Call call) {
  ssize_t result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class SocketStream final : public Stream {
 public:
  SocketStream(Loop& loop, UniqueFd fd, bool is_unix, bool is_connecting)
      : loop_(loop), fd_(std::move(fd)), is_unix_(is_unix) {
    // A Unix socket reports writable on every edge: there the interest lives only while it is awaited.
    writable_ = !is_connecting;
    const short events = static_cast<short>(EV_READ | EV_CLOSED | EV_ET | EV_PERSIST | (is_unix_ ? 0 : EV_WRITE));
    event_ = event_new(loop.base(), fd_.get(), events, &SocketStream::on_event, this);
    HALFDOOR_CHECK(event_ != nullptr);
    event_add(event_, nullptr);
    if (is_unix_) {
      // Edge-triggered too: the last event added or removed decides for the whole descriptor.
      write_event_ = event_new(loop.base(), fd_.get(), EV_WRITE | EV_ET, &SocketStream::on_event, this);
      HALFDOOR_CHECK(write_event_ != nullptr);
      if (is_connecting) event_add(write_event_, nullptr);
    }
  }
  ~SocketStream() override {
    if (write_event_ != nullptr) event_free(write_event_);
    event_free(event_);
  }

  IoResult read(char* into, size_t most) override {
    const ssize_t got = retry_interrupted([&] { return ::recv(fd_.get(), into, most, 0); });
    if (got > 0) {
      // Short means drained, but only while no close was flagged: data and FIN that come together give one edge.
      if (static_cast<size_t>(got) < most && !closed_) readable_ = false;
      return {IoResult::Status::ok, static_cast<size_t>(got), 0};
    }
    if (got == 0) {
      readable_ = false;
      closed_ = true;
      return {IoResult::Status::end, 0, 0};
    }
    return failed(readable_);
  }

  IoResult write(const struct iovec* pieces, int count) override {
    msghdr message{};
    message.msg_iov = const_cast<struct iovec*>(pieces);
    message.msg_iovlen = static_cast<size_t>(count);
    const ssize_t sent = retry_interrupted([&] {
      return count == 1 ? ::send(fd_.get(), pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                        : ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    });
    if (sent >= 0) return {IoResult::Status::ok, static_cast<size_t>(sent), 0};
    const IoResult result = failed(writable_);
    if (result.status == IoResult::Status::would_block && write_event_ != nullptr) event_add(write_event_, nullptr);
    return result;
  }

  int finish_connect() override {
    int error = 0;
    socklen_t length = sizeof(error);
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
  }
  void shutdown_write() override { ::shutdown(fd_.get(), SHUT_WR); }
  void close_early() override {
    event_del(event_);
    if (write_event_ != nullptr) event_del(write_event_);
    fd_.reset();
  }
  void reset_on_close() override {
    const linger none{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  }

 private:
  static void on_event(evutil_socket_t, short events, void* self) {
    auto* stream = static_cast<SocketStream*>(self);
    stream->loop_.on_callback();
    if (events & EV_READ) stream->readable_ = true;
    if (events & EV_WRITE) stream->writable_ = true;
    if (events & EV_CLOSED) stream->readable_ = stream->closed_ = true;
    if (stream->handler_ != nullptr) stream->handler_->on_stream_ready();
  }

  static IoResult failed(bool& ready) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      ready = false;
      return {IoResult::Status::would_block, 0, 0};
    }
    return {IoResult::Status::failed, 0, errno};
  }

  Loop& loop_;
  UniqueFd fd_;
  event* event_ = nullptr;
  event* write_event_ = nullptr;
  const bool is_unix_;
};

}  // namespace

std::unique_ptr<Stream> Loop::adopt(UniqueFd fd, bool is_unix, bool is_connecting) {
  return std::make_unique<SocketStream>(*this, std::move(fd), is_unix, is_connecting);
}

std::unique_ptr<Stream> Loop::connect(const Address& address, int& error) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    error = errno;
    return nullptr;
  }
  if (!address.is_unix()) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    keep_alive(fd.get());
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedTimeoutMs, sizeof(kUnacknowledgedTimeoutMs));
  }
  if (::connect(fd.get(), address.socket_address(), address.length()) != 0 && errno != EINPROGRESS) {
    error = errno;
    return nullptr;
  }
  // A connection that is complete at once (Unix sockets) reports so by its first edge like any other.
  return adopt(std::move(fd), address.is_unix(), true);
}

}  // namespace halfdoor
