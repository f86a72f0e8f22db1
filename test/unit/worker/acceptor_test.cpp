// Taking connections off a listening socket of the loopback interface.
#include "worker/acceptor.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <vector>

#include "event/listen.h"

using namespace halfdoor;

namespace {

struct Listener {
  Listener()
      : config({}),
        counters(config),
        socket(std::move(listen_on(Address::parse("127.0.0.1:0").value(), false).value())),
        address(local_address(socket.get()).value()) {}

  UniqueFd connect() const {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.get(), address.socket_address(), address.length()) == 0);
    return fd;
  }

  Config config;
  WorkerCounters counters;
  Loop loop;
  UniqueFd socket;
  Address address;
};

}  // namespace

TEST_CASE("connections are accepted with the addresses of both ends") {
  Listener listener;
  std::vector<std::unique_ptr<Stream>> accepted;
  Address from;
  std::string local;
  Acceptor acceptor(listener.loop, std::move(listener.socket), listener.counters,
                    [&](std::unique_ptr<Stream> stream, const Address& peer, std::string_view name) {
                      accepted.push_back(std::move(stream));
                      from = peer;
                      local = name;
                    });
  const UniqueFd client = listener.connect();
  for (int i = 0; i < 100 && accepted.empty(); ++i) listener.loop.wait(true);
  REQUIRE(accepted.size() == 1);
  CHECK(from == local_address(client.get()).value());
  CHECK(local == listener.address.text());
}

TEST_CASE("closing takes everything that waits in the queue, and then nothing more") {
  Listener listener;
  size_t accepted = 0;
  Acceptor acceptor(listener.loop, std::move(listener.socket), listener.counters,
                    [&](std::unique_ptr<Stream>, const Address&, std::string_view) { ++accepted; });
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(listener.connect());
  acceptor.close();
  CHECK(accepted == 200);
  const UniqueFd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(::connect(late.get(), listener.address.socket_address(), listener.address.length()) != 0);
  acceptor.close();
}

// UndefinedBehaviorSanitizer itself needs descriptors to look at an object.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("without descriptors connections are accepted and closed, one at a time, and it recovers") {
  Listener listener;
  std::vector<std::unique_ptr<Stream>> accepted;
  Acceptor acceptor(
      listener.loop, std::move(listener.socket), listener.counters,
      [&](std::unique_ptr<Stream> stream, const Address&, std::string_view) { accepted.push_back(std::move(stream)); });
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(listener.connect());
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  // No number below the limit is free.
  struct rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(UniqueFd(::dup(clients.back().get())).get());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  listener.loop.wait(true);
  listener.loop.wheel().fire_due();
  CHECK(listener.counters.connections_refused.get() == 1);
  for (int i = 0; i < 1000 && listener.counters.connections_refused.get() < 3; ++i) {
    listener.loop.wait(true);
    listener.loop.wheel().fire_due();
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(accepted.empty());
  CHECK(listener.counters.connections_refused.get() == 3);
  for (const UniqueFd& client : clients) {
    char byte = 0;
    CHECK(::recv(client.get(), &byte, 1, 0) <= 0);
  }
  const UniqueFd again = listener.connect();
  for (int i = 0; i < 1000 && accepted.empty(); ++i) {
    listener.loop.wait(true);
    listener.loop.wheel().fire_due();
  }
  CHECK(accepted.size() == 1);
}
#endif
