// The graceful stop: what is in flight finishes, or is cut when the drain ends.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

}  // namespace

TEST_CASE("a worker with nothing to do stops at once") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& idle = worker.ask(get("/1"));
  worker.core->begin_stop(Milliseconds(10'000));
  worker.run();
  CHECK(idle.peer.saw_end());
  CHECK(worker.observer.stopped == std::vector<uint64_t>{0});
  CHECK(worker.primary().last().is_over());
  CHECK(worker.core->has_stopped());
}

TEST_CASE("what is in flight finishes and closes its connection, and then the worker has stopped") {
  SimulatedWorker worker(one_server());
  SimulatedClient& reader = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  worker.core->begin_stop(Milliseconds(10'000));
  worker.core->begin_stop(Milliseconds(1));
  worker.advance(5'000);
  CHECK(worker.observer.stopped.empty());
  worker.primary().connection(0).send(reply(200, "r"));
  worker.run();
  CHECK(reader.last().body == "r");
  CHECK(reader.last().field("Connection") == "close");
  CHECK(reader.peer.saw_end());
  CHECK(worker.observer.stopped.empty());
  worker.primary().connection(1).send(reply(200, "w"));
  worker.run();
  CHECK(writer.last().body == "w");
  CHECK(worker.observer.stopped == std::vector<uint64_t>{0});
  worker.advance(20'000);
  CHECK(worker.observer.stopped.size() == 1);
}

TEST_CASE("a stop waits for the outcome of a write whose client has left") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/w", "x"));
  client.peer.reset();
  worker.run();
  worker.core->begin_stop(Milliseconds(10'000));
  worker.advance(1'000);
  CHECK(worker.observer.stopped.empty());
  worker.primary().last().send(reply(200, "w"));
  worker.run();
  CHECK(worker.observer.stopped == std::vector<uint64_t>{0});
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("at the end of the drain what is left is cut, and clients get to read why") {
  SimulatedWorker worker(one_server());
  SimulatedClient& reader = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  SimulatedClient& orphan = worker.ask(post("/o", "x"));
  orphan.peer.reset();
  SimulatedClient& relaying = worker.ask(get("/long"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.run();
  SimulatedClient& half = worker.ask("GET / HT");
  worker.core->begin_stop(Milliseconds(3'000));
  worker.advance(2'900);
  CHECK(worker.observer.stopped.empty());
  worker.advance(200);
  CHECK(worker.observer.stopped == std::vector<uint64_t>{4});
  CHECK(reader.last().status() == 503);
  CHECK(reader.last().field("Connection") == "close");
  CHECK(writer.last().status() == 502);
  CHECK(relaying.last().is_cut);
  CHECK(half.is_over());
  REQUIRE(worker.ledger.uncertain.size() == 2);
  CHECK(worker.ledger.uncertain[0].why == "cut at the end of server.drain");
  for (size_t i = 1; i < 3; ++i) CHECK(worker.primary().connection(i).saw_reset());
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("a stop closes a connection behind a response whose head did not say so, without losing its tail") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/long"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  worker.run();
  worker.core->begin_stop(Milliseconds(10'000));
  client.send(get("/pipelined"));
  worker.run();
  worker.primary().last().send("def");
  worker.run();
  CHECK(client.last().body == "abcdef");
  CHECK_FALSE(client.peer.saw_reset());
  worker.advance(1500);
  CHECK(client.is_over());
  CHECK(worker.observer.stopped.size() == 1);
}

TEST_CASE("a request that had arrived when the stop began is answered, on a new connection and an idle one") {
  const bool is_first = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = is_first ? worker.connect() : worker.ask(get("/1"));
  client.send(get("/last"));
  worker.network.pump();
  worker.core->begin_stop(Milliseconds(10'000));
  worker.run();
  CHECK(client.last().body == "primary GET /last ");
  CHECK(client.last().field("Connection") == "close");
  CHECK(client.peer.saw_end());
  CHECK(worker.observer.stopped == std::vector<uint64_t>{0});
}

TEST_CASE("a request whose head is half there when the stop begins is still answered") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  const std::string request = get("/1");
  SimulatedClient& client = worker.ask(request.substr(0, 20));
  worker.core->begin_stop(Milliseconds(10'000));
  worker.run();
  client.send(request.substr(20));
  worker.run();
  CHECK(client.last().status() == 200);
  CHECK(client.peer.saw_end());
  CHECK(worker.observer.stopped.size() == 1);
}
