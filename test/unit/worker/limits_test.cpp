// How many connections a worker holds, and which one goes first.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options at_most(uint64_t connections) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}, connections};
}

}  // namespace

TEST_CASE("over the limit the oldest idle connection goes first") {
  SimulatedWorker worker(at_most(3));
  worker.answer_everything();
  SimulatedClient& first = worker.ask(get("/1"));
  worker.advance(100);
  SimulatedClient& second = worker.ask(get("/2"));
  worker.advance(100);
  SimulatedClient& third = worker.ask(get("/3"));
  first.send(get("/1b"));
  worker.run();
  SimulatedClient& fourth = worker.ask(get("/4"));
  CHECK(fourth.last().status() == 200);
  CHECK_FALSE(first.is_over());
  CHECK(second.is_over());
  CHECK_FALSE(third.is_over());
  CHECK(worker.counters.connections.get() == 3);
}

TEST_CASE("where none is idle the new connection is answered 503 and closed") {
  SimulatedWorker worker(at_most(2));
  SimulatedClient& first = worker.ask(get("/1"));
  worker.ask(get("/2"));
  SimulatedClient& third = worker.ask(get("/3"));
  CHECK(third.last().status() == 503);
  CHECK(third.last().field("Connection") == "close");
  worker.advance(1200);
  CHECK(third.is_over());
  CHECK(worker.counters.connections.get() == 2);
  CHECK(worker.counters.connections_refused.get() == 1);
  CHECK(worker.counters.connections_accepted.get() == 3);
  worker.primary().connection(0).send(reply(200, "one"));
  worker.run();
  CHECK(first.last().status() == 200);
  CHECK(worker.ask(get("/4")).peer.received().empty());
  CHECK(first.is_over());
}

TEST_CASE("a flood of connections over the limit holds no more than a few at a time") {
  SimulatedWorker worker(at_most(2));
  worker.ask(get("/1"));
  worker.ask(get("/2"));
  for (int i = 0; i < 200; ++i) worker.connect();
  worker.run();
  CHECK(worker.counters.connections.get() <= 2 + 16);
  CHECK(worker.counters.connections_refused.get() == 200);
  worker.advance(1500);
  CHECK(worker.counters.connections.get() == 2);
}

TEST_CASE("limits.connections_per_client counts addresses, not ports, and costs nobody else a connection") {
  SimulatedWorker worker({[](Config& config) { config.limits.connections_per_client = 2; }, {}, 3});
  worker.answer_everything();
  SimulatedClient& other = worker.connect("198.51.100.7:1");
  SimulatedClient& first = worker.connect("192.0.2.1:1");
  worker.connect("192.0.2.1:2");
  SimulatedClient& third = worker.connect("192.0.2.1:3");
  worker.run();
  CHECK(third.last().status() == 503);
  worker.advance(1200);
  CHECK(third.is_over());
  CHECK_FALSE(other.is_over());
  CHECK_FALSE(first.is_over());
  first.peer.close();
  worker.run();
  SimulatedClient& fourth = worker.connect("192.0.2.1:4");
  fourth.send(get("/4"));
  worker.run();
  CHECK(fourth.last().status() == 200);
}

TEST_CASE("limits.connections_per_client holds over all workers") {
  const auto counts = std::make_shared<ClientCounts>();
  const SimulatedWorker::Options options{
      [](Config& config) { config.limits.connections_per_client = 3; }, {}, 100, 0, counts};
  SimulatedWorker one(options), two(options);
  one.answer_everything();
  two.answer_everything();
  SimulatedClient& first = one.connect("192.0.2.1:1");
  one.connect("192.0.2.1:2");
  two.connect("192.0.2.1:3");
  CHECK(two.connect("198.51.100.7:1").messages().empty());
  for (SimulatedWorker* worker : {&one, &two}) {
    SimulatedClient& fourth = worker->connect("192.0.2.1:4");
    worker->run();
    CHECK(fourth.last().status() == 503);
  }
  first.peer.close();
  one.run();
  SimulatedClient& fifth = two.connect("192.0.2.1:5");
  fifth.send(get("/5"));
  two.run();
  CHECK(fifth.last().status() == 200);
  CHECK(counts->addresses() == 2);
}

TEST_CASE("what was counted for addresses is given back with the connections") {
  const auto counts = std::make_shared<ClientCounts>();
  {
    SimulatedWorker worker({[](Config& config) { config.limits.connections_per_client = 1; }, {}, 100, 0, counts});
    for (int i = 0; i < 20; ++i) worker.connect("192.0.2." + std::to_string(i) + ":1");
    worker.run();
    CHECK(counts->addresses() == 20);
    worker.advance(11'000);
    CHECK(worker.counters.connections.get() == 0);
    CHECK(counts->addresses() == 0);
    worker.connect("192.0.2.1:1");
  }
  CHECK(counts->addresses() == 0);
}

TEST_CASE("clients that leave while their writes are in flight still count as connections") {
  SimulatedWorker worker(at_most(5));
  for (int i = 0; i < 4; ++i) {
    SimulatedClient& client = worker.ask(post("/w", "x"));
    client.peer.reset();
    worker.run();
  }
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.counters.exchanges.get() == 4);
  CHECK(worker.ask(get("/5")).messages().empty());
  CHECK(worker.ask(get("/6")).last().status() == 503);
  // Their outcomes are known: there is room again.
  for (size_t i = 0; i < 4; ++i) worker.primary().connection(i).send(reply(200, "done"));
  worker.run();
  worker.answer_everything();
  CHECK(worker.ask(get("/7")).last().status() == 200);
}

TEST_CASE("connections to servers, waiting ones included, are never more than clients may be") {
  SimulatedWorker worker(at_most(10));
  for (int round = 0; round < 5; ++round) {
    // Writes take only connections that were used just now.
    std::vector<SimulatedClient*> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(&worker.ask(post("/w", "x")));
    size_t open = 0;
    MemoryServer& server = worker.primary();
    for (size_t i = 0; i < server.connection_count(); ++i) open += server.connection(i).is_over() ? 0 : 1;
    CHECK(open <= 10);
    for (size_t i = 0; i < server.connection_count(); ++i) {
      if (!server.connection(i).is_over()) server.connection(i).send(reply(200, "done"));
    }
    worker.run();
    for (SimulatedClient* client : clients) CHECK(client->last().status() >= 200);
    worker.advance(1'500);
  }
}

TEST_CASE("a switch closes every waiting connection to the side that was left") {
  const auto leave = [](int connections) {
    SimulatedWorker worker(at_most(20'000));
    for (int i = 0; i < connections; ++i) worker.connect().send(get("/x"));
    worker.run();
    for (size_t i = 0; i < worker.primary().connection_count(); ++i)
      worker.primary().connection(i).send(reply(200, "x"));
    worker.run();
    REQUIRE(worker.counted().servers[0][0].pooled.get() == static_cast<uint64_t>(connections));
    worker.change_mode(Mode::backup_readonly);
    CHECK(worker.counted().servers[0][0].pooled.get() == 0);
  };
  leave(2'000);
}

TEST_CASE("when it becomes crowded, those that have been idle for five seconds go, whatever was promised to them") {
  SimulatedWorker worker(at_most(20));
  worker.answer_everything();
  SimulatedClient& old = worker.ask(get("/old"));
  worker.advance(20'000);
  CHECK_FALSE(old.is_over());
  std::vector<SimulatedClient*> many;
  for (int i = 0; i < 16; ++i) many.push_back(&worker.ask(get("/" + std::to_string(i))));
  worker.advance(1'100);
  CHECK(old.is_over());
  CHECK_FALSE(many.front()->is_over());
  CHECK(worker.counters.connections.get() == 16);
}

TEST_CASE("above 80 % of the limit idle connections stay for five seconds only") {
  const uint64_t limit = GENERATE(10, 20);
  SimulatedWorker worker(at_most(limit));
  worker.answer_everything();
  for (int i = 0; i < 8; ++i) worker.connect();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.advance(5'200);
  CHECK(client.is_over() == (limit == 10));
}

TEST_CASE("heads over the limits are answered 414 and 431") {
  const auto [request, status] = GENERATE(table<std::string, int>({
      {"GET /" + std::string(8 << 10, 'p') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(33 << 10, 'v') + "\r\n\r\n", 431},
  }));
  SimulatedWorker worker(at_most(10));
  SimulatedClient& client = worker.ask(request);
  CHECK(client.last().status() == status);
  worker.advance(1500);
  CHECK(client.is_over());
}

TEST_CASE("a response head over its limit is answered 502") {
  SimulatedWorker worker(at_most(10));
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'v') + "\r\n\r\n");
  worker.run();
  CHECK(client.last().status() == 502);
}
