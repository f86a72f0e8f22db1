// Interim responses and Expect: 100-continue.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

const std::string kExpecting = "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

}  // namespace

TEST_CASE("interim responses are relayed before the final one") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x\r\nX: 1\r\n\r\n");
  worker.run();
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 103);
  CHECK(client.last().field("Link") == "</a.css>");
  CHECK_FALSE(client.last().has_field("Connection"));
  CHECK_FALSE(client.last().has_field("X"));
  worker.primary().last().send("HTTP/1.1 102 Processing\r\n\r\n" + reply(200, "final"));
  worker.run();
  REQUIRE(client.messages().size() == 3);
  CHECK(client.last().body == "final");
}

TEST_CASE("sixteen interim responses pass and the seventeenth is answered 502") {
  const int count = GENERATE(16, 17);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  for (int i = 0; i < count; ++i) worker.primary().last().send("HTTP/1.1 103 Early Hints\r\n\r\n");
  worker.primary().last().send(reply(200, "final"));
  worker.run();
  CHECK(client.last().status() == (count == 16 ? 200 : 502));
}

TEST_CASE("limits.interim_responses counts, larger or smaller than its default") {
  const uint64_t limit = GENERATE(2, 30);
  const bool is_over = GENERATE(false, true);
  SimulatedWorker worker({[&](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.limits.interim_responses = limit;
                          },
                          {}});
  SimulatedClient& client = worker.ask(get("/1"));
  for (uint64_t i = 0; i < limit + (is_over ? 1 : 0); ++i) worker.primary().last().send("HTTP/1.1 103 H\r\n\r\n");
  worker.primary().last().send(reply(200, "final"));
  worker.run();
  CHECK(client.last().status() == (is_over ? 502 : 200));
}

TEST_CASE("interim responses over 64 KiB together are answered 502") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  for (int i = 0; i < 3; ++i) {
    worker.primary().last().send("HTTP/1.1 103 Early Hints\r\nLink: " + std::string(30'000, 'l') + "\r\n\r\n");
  }
  worker.primary().last().send(reply(200, "final"));
  worker.run();
  CHECK(client.last().status() == 502);
}

TEST_CASE("100 Continue is relayed and the body follows") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(kExpecting);
  REQUIRE(worker.primary().last().received().find("Expect: 100-continue") != std::string::npos);
  worker.primary().last().send("HTTP/1.1 100 Continue\r\n\r\n");
  worker.run();
  CHECK(client.last().status() == 100);
  client.send("hello");
  worker.run();
  CHECK(worker.primary().last().received().ends_with("hello"));
  worker.primary().last().send(reply(201, "done"));
  worker.run();
  CHECK(client.last().status() == 201);
  CHECK_FALSE(client.last().has_field("Connection"));
  client.send(get("/next"));
  worker.run();
  CHECK(worker.primary().last().received().find("GET /next") != std::string::npos);
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("a final answer instead of 100 Continue closes, and what follows is not read as a request") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(kExpecting);
  worker.primary().last().send(reply(413, "too large"));
  worker.run();
  CHECK(client.last().status() == 413);
  CHECK(client.last().field("Connection") == "close");
  client.send(get("/evil"));
  worker.run();
  worker.advance(1500);
  CHECK(client.messages().size() == 1);
  CHECK(client.is_over());
  CHECK(worker.primary().all_received().find("evil") == std::string::npos);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.writes_open() == 0);
}

TEST_CASE("a refused write is told so before any 100 Continue") {
  SimulatedWorker worker({{}, {Mode::primary_readonly}});
  worker.answer_everything();
  SimulatedClient& client = worker.ask(kExpecting);
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 503);
  CHECK(client.last().field("Connection") == "close");
  client.send("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n");
  worker.advance(1500);
  CHECK(client.is_over());
  CHECK(worker.primary(0).connection_count() + worker.primary(1).connection_count() == 0);
}

TEST_CASE("a body that a client sends without waiting for 100 Continue passes") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask(kExpecting + "hello" + get("/2"));
  REQUIRE(client.messages().size() == 2);
  CHECK(client.messages()[0].body == "primary POST /e hello");
}
