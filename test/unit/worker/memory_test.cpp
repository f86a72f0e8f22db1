// limits.memory: what goes first, what is refused, and that the others do not notice.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

constexpr uint64_t kMiB = 1 << 20;

SimulatedWorker::Options with_memory(uint64_t bytes) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}, 100'000, bytes, nullptr};
}

const MemoryBudget& budget(const SimulatedWorker& worker) { return worker.core->blocks().budget(); }

// A client whose response waits in the worker because it does not read.
SimulatedClient& stall(SimulatedWorker& worker, size_t bytes) {
  SimulatedClient& client = worker.connect("192.0.2.1:1", 64 << 10, 1);
  client.peer.stop_reading();
  client.send(get("/big"));
  worker.run();
  MemoryPeer& host = worker.primary().last();
  host.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + std::string(bytes, 'x'));
  worker.run();
  return client;
}

}  // namespace

TEST_CASE("what clients make a worker hold is counted, and all of it is given back") {
  SimulatedWorker worker(with_memory(100 * kMiB));
  CHECK(budget(worker).held() == 0);
  SimulatedClient& slow = worker.connect();
  slow.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x'));
  worker.run();
  CHECK(budget(worker).held() >= 20'000);
  CHECK(worker.counters.memory.get() == budget(worker).held());
  SimulatedClient& idle = worker.connect();
  worker.run();
  const size_t before = budget(worker).held();
  SimulatedClient& stalled = stall(worker, 100'000);
  CHECK(budget(worker).held() >= before + 64'000);
  for (SimulatedClient* client : {&slow, &idle, &stalled}) client->peer.reset();
  worker.run();
  CHECK(budget(worker).held() == 0);
  CHECK(worker.counters.memory.get() == 0);
}

TEST_CASE("an idle connection keeps nothing of a large head that came in pieces") {
  SimulatedWorker worker(with_memory(100 * kMiB));
  worker.answer_everything();
  SimulatedClient& fresh = worker.connect();
  worker.run();
  const size_t each = budget(worker).held();
  fresh.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x'));
  worker.run();
  fresh.send("\r\n\r\n");
  worker.run();
  REQUIRE(fresh.last().status() == 200);
  CHECK(budget(worker).held() <= each + 4096);
}

TEST_CASE("over limits.memory idle connections are closed first, then requests are answered 503 and closed") {
  SimulatedWorker worker(with_memory(kMiB));
  worker.answer_everything();
  std::vector<SimulatedClient*> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(&worker.ask(get("/" + std::to_string(i))));
  SimulatedClient& ordinary = worker.connect();
  worker.primary().answer = [](const WireMessage&, MemoryPeer&) { return std::string(); };
  ordinary.send(get("/slow"));
  worker.run();
  MemoryPeer& slow = worker.primary().last();
  while (!budget(worker).is_over()) stall(worker, 100'000);
  CHECK_FALSE(idle.front()->is_over());
  worker.ask(get("/more"));
  CHECK(idle.front()->is_over());
  CHECK(worker.counters.refused_for_memory.get() + worker.counters.connections_refused.get() == 0);

  while (!budget(worker).is_over()) stall(worker, 100'000);
  for (int i = 0; i < 3; ++i) worker.ask(get("/more"));
  SimulatedClient& refused = worker.ask(get("/more"));
  CHECK(refused.last().status() == 503);
  CHECK(refused.last().field("Connection") == "close");
  CHECK(worker.counters.refused_for_memory.get() + worker.counters.connections_refused.get() >= 1);
  worker.advance(1'200);
  CHECK(refused.is_over());
  // What had begun before goes on.
  slow.send(reply(200, "slow"));
  worker.run();
  CHECK(ordinary.last().status() == 200);
}

TEST_CASE("one byte of budget decides") {
  SimulatedWorker worker(with_memory(100 * kMiB));
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  worker.run();
  const size_t spare = GENERATE(0, 1);
  MemoryBudget& held = const_cast<MemoryBudget&>(budget(worker));
  // While a request is judged: its connection, its exchange, and the block that it was read into.
  held.hold(100 * kMiB - held.held() - sizeof(Block) - 8192 - std::string().capacity() + 1 - spare);
  client.send(get("/"));
  worker.run();
  CHECK(client.last().status() == (spare == 1 ? 200 : 503));
}

TEST_CASE("clients that do not read cannot push a worker far over limits.memory, and when they go it recovers") {
  constexpr uint64_t kBudget = 2 * kMiB;
  SimulatedWorker worker(with_memory(kBudget));
  std::vector<SimulatedClient*> clients;
  // All are let in while they are small, then all grow.
  for (int i = 0; i < 60; ++i) {
    clients.push_back(&worker.connect("192.0.2.1:1", 64 << 10, 1));
    clients.back()->peer.stop_reading();
    clients.back()->send(get("/big"));
  }
  worker.run();
  REQUIRE(worker.primary().connection_count() == 60);
  size_t most = 0;
  for (int round = 0; round < 40; ++round) {
    for (size_t i = 0; i < worker.primary().connection_count(); ++i) {
      MemoryPeer& host = worker.primary().connection(i);
      if (host.is_over()) continue;
      if (round == 0) host.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
      host.send(std::string(4'000, 'x'));
    }
    while (worker.turn()) most = std::max<size_t>(most, budget(worker).held());
  }
  CHECK(most <= 2 * kBudget);
  for (SimulatedClient* client : clients) client->peer.reset();
  worker.run();
  CHECK(budget(worker).held() == 0);
  worker.answer_everything();
  CHECK(worker.ask(get("/after")).last().status() == 200);
}

TEST_CASE("heads sent slowly cannot push a worker far over limits.memory") {
  constexpr uint64_t kBudget = 2 * kMiB;
  SimulatedWorker worker(with_memory(kBudget));
  std::vector<SimulatedClient*> clients;
  for (int i = 0; i < 150; ++i) {
    clients.push_back(&worker.connect());
    clients.back()->send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  }
  worker.run();
  size_t most = 0;
  for (int round = 0; round < 30; ++round) {
    for (SimulatedClient* client : clients) client->send(std::string(1'000, 'x'));
    while (worker.turn()) most = std::max<size_t>(most, budget(worker).held());
    worker.advance(40);
  }
  CHECK(most <= 2 * kBudget);
  CHECK(worker.counters.cut_for_memory.get() > 0);
  worker.advance(15'000);
  CHECK(budget(worker).held() == 0);
  worker.answer_everything();
  CHECK(worker.ask(get("/after")).last().status() == 200);
}

TEST_CASE("with the budget reached responses still flow, in smaller buffers") {
  SimulatedWorker worker(with_memory(kMiB));
  SimulatedClient& client = worker.connect();
  client.peer.count_only();
  client.send(get("/big"));
  worker.run();
  MemoryPeer& host = worker.primary().last();
  host.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
  worker.run();
  const_cast<MemoryBudget&>(budget(worker)).hold(kMiB);
  host.send_filler(10'000'000);
  size_t most = 0;
  while (worker.turn()) most = std::max<size_t>(most, budget(worker).held());
  CHECK(client.peer.received_bytes() > 10'000'000);
  CHECK(most < kMiB + kMiB / 4);
  const_cast<MemoryBudget&>(budget(worker)).release(kMiB);
}

TEST_CASE("a body that has to be there as a whole still comes in when the budget is reached meanwhile") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.allow = {Rule::parse("POST /search").value()};
                          },
                          {Mode::primary_readonly},
                          1000,
                          kMiB});
  worker.answer_everything();
  const std::string body = "q=" + std::string(20'000, 'a');
  SimulatedClient& client = worker.connect();
  const std::string message = post("/search", body, "Content-Type: application/x-www-form-urlencoded\r\n");
  client.send(message.substr(0, 3'000));
  worker.run();
  CHECK(client.messages().empty());
  const_cast<MemoryBudget&>(budget(worker)).hold(kMiB);
  client.send(message.substr(3'000));
  worker.run();
  CHECK(client.last().status() == 200);
  const_cast<MemoryBudget&>(budget(worker)).release(kMiB);
}
