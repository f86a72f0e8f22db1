// text/event-stream and long polls: silent for long, handed on at once, freed at once.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server(Mode mode = Mode::primary) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {mode}};
}

std::string stream_head(std::string_view type) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string chunk(std::string_view event) {
  char size[17];
  std::snprintf(size, sizeof size, "%zx", event.size());
  return std::string(size) + "\r\n" + std::string(event) + "\r\n";
}

}  // namespace

TEST_CASE("each event is handed on in the turn in which it came") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head("text/event-stream"));
  worker.run();
  CHECK(client.peer.received().find("text/event-stream") != std::string::npos);
  for (int i = 0; i < 100; ++i) {
    const std::string event = "data: " + std::to_string(i) + "\n\n";
    worker.primary().last().send(chunk(event));
    // The bytes enter the wire, the worker reads and writes them, they leave the wire.
    worker.turn();
    worker.turn();
    CHECK(client.peer.received().ends_with(chunk(event)));
  }
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("an event stream may be silent for timeouts.event_stream, whatever parameters and case its type has") {
  const std::string type = GENERATE(as<std::string>(), "text/event-stream", "Text/Event-Stream",
                                    "text/event-stream;charset=utf-8", "text/event-stream ; charset=utf-8");
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head(type));
  worker.run();
  worker.advance(3'599'000);
  CHECK_FALSE(client.is_over());
  // An event starts the time anew.
  worker.primary().last().send(chunk("data\n\n"));
  worker.advance(3'599'000);
  CHECK_FALSE(client.is_over());
  worker.advance(1'500);
  CHECK(client.is_over());
  CHECK(worker.primary().last().is_over());
}

TEST_CASE("what is no event stream stops after timeouts.response_body") {
  const std::string type = GENERATE(as<std::string>(), "text/event-streams", "text/event", "text/html",
                                    "application/x; a=text/event-stream");
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head(type));
  worker.run();
  worker.advance(59'000);
  CHECK_FALSE(client.is_over());
  worker.advance(1'500);
  CHECK(client.is_over());
}

TEST_CASE("a client that leaves an event stream or a long poll frees its server at once") {
  const bool has_begun = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  if (has_begun) worker.primary().last().send(stream_head("text/event-stream") + chunk("data\n\n"));
  worker.run();
  client.peer.reset();
  worker.run();
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("an event stream whose client has closed ends with its next event") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head("text/event-stream"));
  worker.run();
  client.peer.close();
  worker.run();
  worker.primary().last().send(chunk("data: 1\n\n"));
  worker.run();
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("many event streams at once each get their own events") {
  SimulatedWorker worker(one_server());
  std::vector<SimulatedClient*> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(&worker.ask(get("/events/" + std::to_string(i))));
    worker.primary().last().send(stream_head("text/event-stream"));
  }
  worker.run();
  for (size_t i = 0; i < clients.size(); ++i) {
    worker.primary().connection(i).send(chunk("data: " + std::to_string(i) + "\n\n"));
  }
  worker.run();
  for (size_t i = 0; i < clients.size(); ++i) {
    CHECK(clients[i]->peer.received().ends_with(chunk("data: " + std::to_string(i) + "\n\n")));
  }
  CHECK(worker.core->blocks().in_use() == 0);
  CHECK(worker.primary().connection_count() == 300);
}

TEST_CASE("connections are good for more after an event stream and after a long poll") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head("text/event-stream") + chunk("data\n\n"));
  worker.run();
  worker.primary().last().send("0\r\n\r\n");
  worker.run();
  client.send(get("/poll"));
  worker.run();
  worker.advance(30'000);
  worker.primary().last().send(reply(200, "at last"));
  worker.run();
  CHECK(client.last().body == "at last");
  CHECK(worker.primary().connection_count() == 1);
  CHECK_FALSE(client.is_over());
}

TEST_CASE("an event stream on the side that was left is cut at the end of the drain") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head("text/event-stream") + chunk("data\n\n"));
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  CHECK(worker.observer.applied[0].services[0].others_draining == 1);
  worker.advance(9'900);
  worker.primary().last().send(chunk("data: late\n\n"));
  worker.run();
  CHECK(client.peer.received().ends_with(chunk("data: late\n\n")));
  CHECK(worker.observer.fenced.empty());
  worker.advance(200);
  CHECK(client.is_over());
  // No last chunk: an EventSource connects again by itself either way.
  CHECK(client.peer.received().ends_with(chunk("data: late\n\n")));
  CHECK(worker.primary().last().is_over());
  CHECK(worker.observer.fenced.size() == 1);
}

TEST_CASE("an event stream on a side that goes on serving outlives every change of writes") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head("text/event-stream"));
  worker.run();
  for (int i = 0; i < 12; ++i) worker.change_mode(i % 2 == 0 ? Mode::primary_readonly : Mode::primary);
  worker.advance(60'000);
  worker.primary().last().send(chunk("data: still\n\n"));
  worker.run();
  CHECK(client.peer.received().ends_with(chunk("data: still\n\n")));
}

TEST_CASE("a long poll on the side that was left is asked again on the other side") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/poll"));
  worker.advance(20'000);
  worker.change_mode(Mode::backup_readonly);
  worker.advance(2'100);
  CHECK(worker.observer.fenced.size() == 1);
  CHECK(worker.primary().last().is_over());
  REQUIRE(worker.backup().connection_count() == 1);
  worker.advance(20'000);
  worker.backup().last().send(reply(200, "from the backup"));
  worker.run();
  CHECK(client.last().body == "from the backup");
}

TEST_CASE("an event stream for a client that does not read is bounded, and ended after timeouts.client_write") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(stream_head("text/event-stream"));
  worker.run();
  client.peer.stop_reading();
  for (int i = 0; i < 50; ++i) {
    worker.primary().last().send(chunk(std::string(10'000, 'e')));
    worker.advance(400);
  }
  CHECK(worker.core->blocks().in_use() < 16);
  worker.advance(31'000);
  CHECK(client.peer.saw_reset());
  CHECK(worker.primary().last().is_over());
}
