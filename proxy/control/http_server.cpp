#include "control/http_server.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace halfdoor {

namespace {

// Of all answers together that wait for slow clients.
constexpr size_t kMostUnsentBytes = 64 << 20;
// One of them may be larger than that; it is then the only one.
constexpr int kMostInARow = 16;
constexpr timeval kBackOff{0, 100'000};
constexpr timeval kAtOnce{0, 0};

}  // namespace

struct HttpServer::Listener {
  HttpServer& server;
  UniqueFd fd;
  const bool over_tcp;
  struct event* readable = nullptr;
  struct event* back_off = nullptr;
  bool has_complained = false;

  ~Listener() {
    if (readable != nullptr) event_free(readable);
    if (back_off != nullptr) event_free(back_off);
  }
};

HttpServer::HttpServer(struct event_base* base, size_t most_connections, Answer answer)
    : base_(base), most_(most_connections), answer_(std::move(answer)) {
  burial_ = evtimer_new(
      base, [](evutil_socket_t, short, void* self) { static_cast<HttpServer*>(self)->bury(); }, this);
  HALFDOOR_CHECK(burial_ != nullptr);
  take_spares();
}

HttpServer::~HttpServer() {
  close();
  event_free(burial_);
}

Status HttpServer::listen(UniqueFd fd, bool over_tcp) {
  auto listener = std::unique_ptr<Listener>(new Listener{*this, std::move(fd), over_tcp});
  listener->readable = event_new(
      base_, listener->fd.get(), EV_READ | EV_PERSIST,
      [](evutil_socket_t, short, void* self) {
        auto* const from = static_cast<Listener*>(self);
        from->server.accept_from(*from);
      },
      listener.get());
  listener->back_off = evtimer_new(
      base_, [](evutil_socket_t, short, void* self) { event_add(static_cast<Listener*>(self)->readable, nullptr); },
      listener.get());
  const bool is_ready = listener->readable != nullptr && listener->back_off != nullptr;
  if (!is_ready || event_add(listener->readable, nullptr) != 0) {
    return Error{"libevent cannot accept connections for the control API"};
  }
  listeners_.push_back(std::move(listener));
  return {};
}

void HttpServer::close() {
  listeners_.clear();
  while (!all_.empty()) all_.front().close();
  bury();
}

void HttpServer::accept_from(Listener& listener) {
  for (int i = 0; i < kMostInARow; ++i) {
    UniqueFd fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      listener.has_complained = false;
      take(std::move(fd), listener.over_tcp);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    const int error = errno;
    bool has_given_up = false;
    for (UniqueFd& spare : spares_) {
      if (!spare) continue;
      spare.reset();
      has_given_up = true;
      break;
    }
    if (has_given_up) continue;
    if (!std::exchange(listener.has_complained, true)) {
      log_error("cannot accept a connection to the control API: {}", std::strerror(error));
    }
    event_del(listener.readable);
    event_add(listener.back_off, &kBackOff);
    return;
  }
}

void HttpServer::take(UniqueFd fd, bool over_tcp) {
  if (open_ >= most_) {
    if (HttpConnection* const quiet = longest_quiet()) quiet->close();
  }
  if (open_ >= most_) {
    constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    [[maybe_unused]] const ssize_t sent = ::send(fd.get(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  all_.push_back(*new HttpConnection(*this, base_, std::move(fd), over_tcp));
  ++open_;
}

HttpConnection* HttpServer::longest_quiet() {
  for (HttpConnection& connection : all_) {
    if (connection.may_give_way()) return &connection;
  }
  return nullptr;
}

bool HttpServer::has_room_for(size_t bytes) {
  size_t unsent = 0;
  for (HttpConnection& connection : all_) unsent += connection.unsent();
  return unsent == 0 || unsent + bytes <= kMostUnsentBytes;
}

void HttpServer::on_closed(HttpConnection& connection) {
  connection.ListLink<HttpServer>::leave();
  --open_;
  dead_.emplace_back(&connection);
  event_add(burial_, &kAtOnce);
}

void HttpServer::bury() {
  dead_.clear();
  take_spares();
}

void HttpServer::take_spares() {
  for (UniqueFd& spare : spares_) {
    if (!spare) spare = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
}

}  // namespace halfdoor
