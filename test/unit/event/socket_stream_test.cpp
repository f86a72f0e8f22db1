// Streams over real sockets: what the data path relies on about their edges.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>

#include "event/listen.h"
#include "event/loop.h"

using namespace halfdoor;

namespace {

struct Counting final : Stream::Handler {
  void on_stream_ready() override {
    ++edges;
    if (then) then();
  }
  int edges = 0;
  std::function<void()> then;
};

// Waits until `done`, at most five seconds.
bool wait_until(Loop& loop, const std::function<bool()>& done) {
  const int64_t until = monotonic_ms() + 5000;
  while (!done()) {
    if (monotonic_ms() > until) return false;
    loop.wait(true);
  }
  return true;
}

// A listening socket, a stream connected to it, and the plain descriptor of the other end.
struct Pair {
  explicit Pair(bool is_unix) {
    if (is_unix) {
      REQUIRE(::mkdtemp(folder) != nullptr);
      path = std::string(folder) + "/s";
    }
    const Address asked = Address::parse(is_unix ? "unix:" + path : "127.0.0.1:0").value();
    listener = std::move(listen_on(asked, false).value());
    address = local_address(listener.get()).value();
  }
  ~Pair() {
    if (path.empty()) return;
    ::unlink(path.c_str());
    ::rmdir(folder);
  }
  void connect() {
    int error = 0;
    stream = loop.connect(address, error);
    REQUIRE(stream != nullptr);
    stream->set_handler(&handler);
    CHECK_FALSE(stream->is_writable());
    REQUIRE(wait_until(loop, [&] { return stream->is_writable(); }));
    CHECK(stream->finish_connect() == 0);
    peer = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(peer);
  }
  void peer_sends(const std::string& bytes) const {
    REQUIRE(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  IoResult write(const std::string& bytes) const {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    return stream->write(&piece, 1);
  }

  char folder[32] = "/tmp/halfdoor-stream-XXXXXX";
  std::string path;
  Loop loop;
  UniqueFd listener;
  Address address;
  Counting handler;
  std::unique_ptr<Stream> stream;
  UniqueFd peer;
};

}  // namespace

TEST_CASE("a connection is made over TCP and Unix sockets alike") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  CHECK(pair.write("hello").bytes == 5);
  char got[16];
  CHECK(::recv(pair.peer.get(), got, sizeof(got), 0) == 5);
  pair.peer_sends("world");
  REQUIRE(wait_until(pair.loop, [&] { return pair.stream->is_readable(); }));
  CHECK(pair.stream->read(got, sizeof(got)).bytes == 5);
  CHECK_FALSE(pair.stream->is_closed());
  CHECK(pair.stream->read(got, sizeof(got)).status == IoResult::Status::would_block);
}

TEST_CASE("a connection to a server is given up when the kernel hears nothing for thirty seconds") {
  Pair pair(false);
  // The descriptor that the connection is going to have.
  const int next = ::dup(pair.listener.get());
  ::close(next);
  pair.connect();
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    REQUIRE(::getsockopt(next, level, name, &value, &size) == 0);
    return value;
  };
  sockaddr_storage to{};
  socklen_t size = sizeof(to);
  REQUIRE(::getpeername(next, reinterpret_cast<sockaddr*>(&to), &size) == 0);
  REQUIRE(Address::from_socket(reinterpret_cast<const sockaddr*>(&to), size) == pair.address);
  CHECK(option(IPPROTO_TCP, TCP_USER_TIMEOUT) == 30'000);
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) <= 120);
  CHECK(option(IPPROTO_TCP, TCP_NODELAY) != 0);
}

TEST_CASE("a connection that nobody accepts is refused, at once or by its first edge") {
  const bool is_unix = GENERATE(false, true);
  Pair pair(is_unix);
  pair.listener.reset();
  int error = 0;
  pair.stream = pair.loop.connect(pair.address, error);
  if (pair.stream == nullptr) {
    CHECK(error == ECONNREFUSED);
    return;
  }
  pair.stream->set_handler(&pair.handler);
  REQUIRE(wait_until(pair.loop, [&] { return pair.handler.edges > 0; }));
  CHECK(pair.stream->finish_connect() == ECONNREFUSED);
}

TEST_CASE("a write that found no room is told when there is room, over TCP and Unix sockets alike") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  const std::string much(1 << 20, 'm');
  size_t sent = 0;
  for (int round = 0; round < 3; ++round) {
    IoResult result;
    while ((result = pair.write(much)).status == IoResult::Status::ok) sent += result.bytes;
    REQUIRE(result.status == IoResult::Status::would_block);
    CHECK_FALSE(pair.stream->is_writable());
    std::string got(sent, '\0');
    while (sent > 0) {
      const ssize_t taken = ::recv(pair.peer.get(), got.data(), got.size(), MSG_DONTWAIT);
      if (taken > 0) sent -= static_cast<size_t>(taken);
      if (taken <= 0) pair.loop.wait(true);
      if (pair.stream->is_writable()) break;
    }
    REQUIRE(wait_until(pair.loop, [&] { return pair.stream->is_writable(); }));
  }
}

TEST_CASE("data and the end that arrive together are both read, although there is one edge") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  // Settles the edges of connecting, so that what follows comes as one.
  pair.loop.wait(false);
  pair.peer_sends("last words");
  pair.peer.reset();
  REQUIRE(wait_until(pair.loop, [&] { return pair.stream->is_closed(); }));
  char got[64];
  const IoResult data = pair.stream->read(got, sizeof(got));
  CHECK(data.status == IoResult::Status::ok);
  CHECK(data.bytes == 10);
  REQUIRE(pair.stream->is_readable());
  CHECK(pair.stream->read(got, sizeof(got)).status == IoResult::Status::end);
  CHECK_FALSE(pair.stream->is_readable());
}

TEST_CASE("a half-closed peer is read to its end and may still be written to") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  ::shutdown(pair.peer.get(), SHUT_WR);
  REQUIRE(wait_until(pair.loop, [&] { return pair.stream->is_closed(); }));
  char got[8];
  CHECK(pair.stream->read(got, sizeof(got)).status == IoResult::Status::end);
  CHECK(pair.write("still").bytes == 5);
  CHECK(::recv(pair.peer.get(), got, sizeof(got), 0) == 5);
}

TEST_CASE("shutdown_write lets the peer read an end while we go on reading") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  pair.write("bye");
  pair.stream->shutdown_write();
  char got[8];
  CHECK(::recv(pair.peer.get(), got, sizeof(got), 0) == 3);
  CHECK(::recv(pair.peer.get(), got, sizeof(got), 0) == 0);
  pair.peer_sends("answer");
  REQUIRE(wait_until(pair.loop, [&] { return pair.stream->is_readable(); }));
  CHECK(pair.stream->read(got, sizeof(got)).bytes == 6);
}

TEST_CASE("a reset throws away what the peer has not read, a plain close delivers it") {
  const bool by_reset = GENERATE(true, false);
  Pair pair(false);
  pair.connect();
  pair.write("queued");
  if (by_reset) pair.stream->reset_on_close();
  pair.stream.reset();
  char got[8];
  std::string all;
  ssize_t bytes = 0;
  while ((bytes = ::recv(pair.peer.get(), got, sizeof(got), 0)) > 0) all.append(got, static_cast<size_t>(bytes));
  CHECK((bytes < 0) == by_reset);
  if (!by_reset) CHECK(all == "queued");
}

TEST_CASE("a reset by the peer is noticed by a stream that only waits") {
  Pair pair(false);
  pair.connect();
  pair.loop.wait(false);
  const linger none{1, 0};
  ::setsockopt(pair.peer.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  pair.peer.reset();
  const int edges = pair.handler.edges;
  REQUIRE(wait_until(pair.loop, [&] { return pair.handler.edges > edges; }));
  CHECK(pair.stream->is_readable());
  char got[8];
  CHECK(pair.stream->read(got, sizeof(got)).status != IoResult::Status::would_block);
}

TEST_CASE("what is ready and left alone does not wake the loop again") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  const bool was_blocked = GENERATE(false, true);
  if (was_blocked) {
    const std::string much(1 << 20, 'm');
    while (pair.write(much).status == IoResult::Status::ok) {
    }
    std::string got(4 << 20, '\0');
    REQUIRE(wait_until(pair.loop, [&] {
      while (::recv(pair.peer.get(), got.data(), got.size(), MSG_DONTWAIT) > 0) {
      }
      return pair.stream->is_writable();
    }));
  }
  pair.peer_sends("unread");
  ::shutdown(pair.peer.get(), SHUT_WR);
  REQUIRE(wait_until(pair.loop, [&] { return pair.stream->is_closed(); }));
  for (int i = 0; i < 3; ++i) pair.loop.wait(false);
  const int edges = pair.handler.edges;
  for (int i = 0; i < 20; ++i) pair.loop.wait(false);
  CHECK(pair.handler.edges == edges);
}

TEST_CASE("an idle Unix socket does not wake its loop for being writable") {
  Pair pair(true);
  pair.connect();
  pair.loop.wait(false);
  const int edges = pair.handler.edges;
  for (int i = 0; i < 20; ++i) pair.write("x");
  for (int i = 0; i < 3; ++i) pair.loop.wait(true);
  char got[64];
  CHECK(::recv(pair.peer.get(), got, sizeof(got), 0) == 20);
  for (int i = 0; i < 3; ++i) pair.loop.wait(true);
  CHECK(pair.handler.edges == edges);
}

TEST_CASE("a wait ends without events, so that deadlines are looked at, and reads the clock") {
  Loop loop;
  const int64_t before = loop.wheel().now_ms();
  for (int i = 0; i < 3; ++i) loop.wait(true);
  CHECK(loop.wheel().now_ms() > before);
  CHECK(loop.wheel().now_ms() <= monotonic_ms());
}

TEST_CASE("a read watch calls while it is on") {
  Pair pair(false);
  pair.connect();
  int calls = 0;
  ReadWatch watch(pair.loop, pair.peer.get(), [&] { ++calls; });
  pair.write("x");
  REQUIRE(wait_until(pair.loop, [&] { return calls > 0; }));
  watch.pause();
  const int before = calls;
  for (int i = 0; i < 3; ++i) pair.loop.wait(true);
  CHECK(calls == before);
  watch.resume();
  REQUIRE(wait_until(pair.loop, [&] { return calls > before; }));
}

TEST_CASE("a stream that is closed early gives its descriptor back before it is destroyed, also in its own callback") {
  Pair pair(GENERATE(false, true));
  pair.connect();
  pair.handler.then = [&] { pair.stream->close_early(); };
  const int edges = pair.handler.edges;
  pair.peer_sends("x");
  REQUIRE(wait_until(pair.loop, [&] { return pair.handler.edges > edges; }));
  char byte = 0;
  CHECK(::recv(pair.peer.get(), &byte, 1, 0) <= 0);
  // No further callback, and nothing is closed twice.
  const int lowest = UniqueFd(::dup(pair.peer.get())).get();
  pair.loop.wait(true);
  CHECK(pair.handler.edges == edges + 1);
  const UniqueFd taken(::dup(pair.peer.get()));
  CHECK(taken.get() == lowest);
  pair.stream.reset();
  CHECK(::fcntl(taken.get(), F_GETFD) >= 0);
}
