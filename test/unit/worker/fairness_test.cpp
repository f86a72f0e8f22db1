// What one connection can have done in one turn is bounded: the others of its worker are never far from their turn.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

// Two budgets: one in the callback of an edge, one when reading is resumed.
constexpr size_t kMost = 2 * (128 << 10) + Block::kBytes;
constexpr size_t kMuch = 8 << 20;

SimulatedWorker::Options one_server(Mode mode = Mode::primary) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {mode}, 5000};
}

// The most bytes that a single turn takes out of this connection.
size_t most_read_in_a_turn(SimulatedWorker& worker, MemoryPeer& peer) {
  size_t most = 0;
  for (bool goes_on = true; goes_on;) {
    peer.pump();
    const size_t before = peer.connection().to_proxy.size();
    goes_on = worker.turn();
    const size_t after = peer.connection().to_proxy.size();
    if (before > after) most = std::max(most, before - after);
  }
  return most;
}

}  // namespace

TEST_CASE("a turn throws away a part of a refused upload, however much has come") {
  SimulatedWorker worker(one_server(Mode::primary_readonly));
  SimulatedClient& client = worker.connect("192.0.2.1:1", kMuch);
  client.send("POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  client.peer.send_filler(kMuch);
  CHECK(most_read_in_a_turn(worker, client.peer) <= kMost);
  CHECK(client.last().status() == 503);
  CHECK_FALSE(client.peer.has_unsent());
}

TEST_CASE("a turn reads a part of what a fast host sends") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect("192.0.2.1:1", 64 << 10, kMuch);
  client.peer.count_only();
  client.send(get("/big"));
  worker.run();
  MemoryPeer& host = worker.primary().last();
  host.connection().to_proxy_capacity = kMuch;
  host.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kMuch) + "\r\n\r\n");
  host.send_filler(kMuch);
  CHECK(most_read_in_a_turn(worker, host) <= kMost);
  worker.run();
  CHECK(client.peer.received_bytes() > kMuch);
}

TEST_CASE("of pipelined requests a turn answers few, and another client is served between them") {
  SimulatedWorker worker(one_server());
  SimulatedClient& greedy = worker.connect("192.0.2.1:1", kMuch, kMuch);
  std::string flood;
  for (int i = 0; i < 2'000; ++i) flood += get("/.well-known/halfdoor");
  greedy.send(flood);
  worker.turn();
  SimulatedClient& other = worker.connect();
  other.send(get("/.well-known/halfdoor"));
  for (int i = 0; i < 10; ++i) worker.turn();
  CHECK(other.last().status() == 200);
  CHECK(greedy.messages().size() < 50);
  worker.run();
  CHECK(greedy.messages().size() == 2'000);
}

TEST_CASE("a stop closes thousands of idle connections some at a time, all of them within drain") {
  SimulatedWorker worker(one_server());
  for (int i = 0; i < 2'000; ++i) worker.connect().send(get("/.well-known/halfdoor"));
  worker.run();
  REQUIRE(worker.counters.connections.get() == 2'000);
  worker.core->begin_stop(Milliseconds(10'000));
  uint64_t most = 0, before = 2'000;
  for (int i = 0; i < 100 && !worker.core->has_stopped(); ++i) {
    worker.turn();
    most = std::max(most, before - worker.counters.connections.get());
    before = worker.counters.connections.get();
    worker.advance(20);
  }
  CHECK(most <= 256 + 256);
  CHECK(before <= 2'000 - 256);
  worker.advance(1'000);
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.core->has_stopped());
}

TEST_CASE("a request that comes while idle connections are being closed is answered") {
  SimulatedWorker worker(one_server());
  std::vector<SimulatedClient*> clients;
  for (int i = 0; i < 1'000; ++i) {
    clients.push_back(&worker.connect());
    clients.back()->send(get("/.well-known/halfdoor"));
  }
  worker.run();
  worker.core->begin_stop(Milliseconds(10'000));
  clients.back()->send(get("/.well-known/halfdoor"));
  worker.advance(1'500);
  REQUIRE(clients.back()->messages().size() == 2);
  CHECK(clients.back()->last().field("Connection") == "close");
  CHECK(worker.core->has_stopped());
}

TEST_CASE("a hundred thousand deadlines are looked at in proportion to their number") {
  struct Owner final : Deadline::Owner {
    void on_deadline(Deadline&) override { ++fired; }
    size_t fired = 0;
  };
  TimerWheel wheel(0);
  Owner owner;
  constexpr size_t kMany = 100'000;
  std::vector<std::unique_ptr<Deadline>> deadlines;
  for (size_t i = 0; i < kMany; ++i) {
    deadlines.push_back(std::make_unique<Deadline>(wheel, owner));
    deadlines.back()->set(static_cast<int64_t>(1 + i % 120'000));
  }
  // Moved out again and again, as an exchange does with every byte.
  for (int round = 0; round < 20; ++round) {
    for (const auto& deadline : deadlines) deadline->set(deadline->expires_ms() - wheel.now_ms());
  }
  for (int64_t now = 0; now <= 121'000; now += 100) {
    wheel.set_now(now);
    wheel.fire_due();
  }
  CHECK(owner.fired == kMany);
}
