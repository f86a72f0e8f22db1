// One connection, many requests: each is answered in order and judged by the mode of that moment.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

TEST_CASE("a request goes to the primary and its response comes back") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/a"));
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 200);
  CHECK(client.last().body == "primary GET /a ");
  CHECK_FALSE(client.is_over());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counted().requests.get() == 1);
  CHECK(worker.counted().responses[2].get() == 1);
}

TEST_CASE("a connection carries one request after the other and so does the one to the server") {
  SimulatedWorker worker({[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}});
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  for (int i = 2; i <= 50; ++i) {
    client.send(i % 2 ? get("/" + std::to_string(i)) : post("/" + std::to_string(i), "body"));
    worker.run();
    REQUIRE(client.messages().size() == static_cast<size_t>(i));
    CHECK(client.last().status() == 200);
  }
  CHECK(worker.primary().connection_count() == 1);
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.violations.empty());
}

TEST_CASE("pipelined requests are answered in order, one at a time") {
  SimulatedWorker worker;
  size_t answered = 0;
  size_t most_at_once = 0;
  const auto answer = [&](const WireMessage& request, MemoryPeer&) {
    most_at_once = std::max<size_t>(most_at_once, worker.counters.exchanges.get());
    ++answered;
    return reply(200, request.target());
  };
  worker.primary(0).answer = worker.primary(1).answer = answer;
  std::string all;
  for (int i = 0; i < 20; ++i)
    all += i % 3 == 1 ? post("/" + std::to_string(i), "GET /evil HTTP/1.1\r\n\r\n") : get("/" + std::to_string(i));
  SimulatedClient& client = worker.ask(all);
  const auto messages = client.messages();
  REQUIRE(messages.size() == 20);
  for (int i = 0; i < 20; ++i) CHECK(messages[static_cast<size_t>(i)].body == "/" + std::to_string(i));
  CHECK(answered == 20);
  CHECK(most_at_once == 1);
}

TEST_CASE("a POST pipelined behind a GET is judged by the mode after a switch") {
  SimulatedWorker worker;
  worker.answer_everything();
  worker.primary(0).answer = worker.primary(1).answer = [](const WireMessage&, MemoryPeer&) { return std::string(); };
  SimulatedClient& client = worker.ask(get("/slow") + post("/book", "x=1"));
  MemoryServer& asked = worker.primary(0).connection_count() > 0 ? worker.primary(0) : worker.primary(1);
  REQUIRE(asked.requests.size() == 1);
  worker.apply(Mode::backup_readonly);
  asked.last().send(reply(200, "late"));
  worker.run();
  const auto messages = client.messages();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].body == "late");
  CHECK(messages[1].status() == 503);
  CHECK(messages[1].field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  CHECK(worker.primary(0).requests.size() + worker.primary(1).requests.size() == 1);
  CHECK(worker.backup().all_received().find("POST") == std::string::npos);
  CHECK(worker.ledger.begun.empty());
}

TEST_CASE("an old connection sends its next read to the side of the new mode") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.change_mode(Mode::backup_readonly);
  client.send(get("/2"));
  worker.run();
  CHECK(client.last().body == "backup GET /2 ");
  client.send(post("/3", "x"));
  worker.run();
  CHECK(client.last().status() == 503);
  worker.change_mode(Mode::backup_writable);
  client.send(post("/4", "x"));
  worker.run();
  CHECK(client.last().body == "backup POST /4 x");
  worker.change_mode(Mode::closed);
  client.send(get("/5"));
  worker.run();
  CHECK(client.last().status() == 503);
  worker.change_mode(Mode::primary);
  client.send(post("/6", "x"));
  worker.run();
  CHECK(client.last().body == "primary POST /6 x");
  CHECK(worker.counted().second_guard.get() == 0);
}

TEST_CASE("a client that shuts its half after pipelined requests gets every answer") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  client.send(get("/1") + get("/2") + get("/3"));
  client.peer.finish();
  worker.run();
  CHECK(client.messages().size() == 3);
  CHECK(client.peer.saw_end());
  CHECK_FALSE(client.peer.saw_reset());
}

TEST_CASE("Connection: close ends the connection behind the response") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1", "Connection: close\r\n"));
  CHECK(client.last().field("Connection") == "close");
  CHECK(client.peer.saw_end());
  CHECK_FALSE(client.peer.saw_reset());
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("a connection is closed politely after limits.requests_per_connection") {
  SimulatedWorker worker({[](Config& config) { config.limits.requests_per_connection = 3; }, {}});
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1") + get("/2") + get("/3") + get("/4"));
  worker.advance(2000);
  const auto messages = client.messages();
  REQUIRE(messages.size() == 3);
  CHECK_FALSE(messages[1].has_field("Connection"));
  CHECK(messages[2].field("Connection") == "close");
  CHECK(client.is_over());
  CHECK(worker.primary(0).requests.size() + worker.primary(1).requests.size() == 3);
}

TEST_CASE("empty lines between requests are ignored") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask("\r\n" + get("/1"));
  client.send("\r\n");
  worker.run();
  worker.advance(11'000);
  client.send(get("/2"));
  worker.run();
  CHECK(client.messages().size() == 2);
}

TEST_CASE("a request that comes byte by byte is read like any other") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  for (char c : post("/1", "body") + get("/2")) {
    client.send(std::string(1, c));
    worker.run();
  }
  const auto messages = client.messages();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].body == "primary POST /1 body");
  CHECK(messages[1].body == "primary GET /2 ");
}

TEST_CASE("a host that no service has is answered 421 and the connection goes on") {
  SimulatedWorker worker({[](Config& config) { config.services[0].hosts = {"salon.example"}; }, {}});
  worker.answer_everything();
  SimulatedClient& client = worker.ask("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n" + get("/2"));
  const auto messages = client.messages();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].status() == 421);
  CHECK(messages[1].status() == 200);
}

TEST_CASE("a request that is no HTTP is answered 400 and nothing behind it is read") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client =
      worker.ask("GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx" + get("/2"));
  worker.advance(1500);
  const auto messages = client.messages();
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].status() == 400);
  CHECK(messages[0].field("Connection") == "close");
  CHECK(client.is_over());
  CHECK(worker.primary(0).connection_count() + worker.primary(1).connection_count() == 0);
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.bad_requests.get() == 1);
}
