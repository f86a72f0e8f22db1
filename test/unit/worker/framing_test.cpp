// How the end of a message is known on either side, and what happens when it does not come.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

// One server, played by hand.
SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("a chunked request reaches the server chunked, whole and in order") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask(
      "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n1\r\n "
      "\r\n5\r\nworld\r\n0\r\nX-T: "
      "1\r\n\r\n" +
      get("/next"));
  REQUIRE(worker.primary().requests.size() == 2);
  CHECK(worker.primary().requests[0].body == "hello world");
  CHECK(worker.primary().requests[0].field("Transfer-Encoding") == "chunked");
  CHECK(client.messages().size() == 2);
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("a malformed chunk cuts the upstream request and is answered 400") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client =
      worker.ask("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  REQUIRE(worker.primary().last().received().find("hello") != std::string::npos);
  client.send("zz\r\n" + get("/smuggled"));
  worker.run();
  worker.advance(1500);
  CHECK(client.last().status() == 400);
  CHECK(client.messages().size() == 1);
  CHECK(client.is_over());
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.primary().all_received().find("smuggled") == std::string::npos);
  REQUIRE(worker.ledger.uncertain.size() == 1);
  CHECK(worker.ledger.uncertain[0].entry.path == "/c");
}

TEST_CASE("a chunked response reaches the client chunked and the server's connection is used again") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send(kChunked + "5\r\nhello\r\n");
  worker.run();
  CHECK(client.messages().empty());
  worker.primary().last().send("6\r\n world\r\n0\r\n\r\n");
  worker.run();
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().body == "hello world");
  CHECK(client.last().field("Transfer-Encoding") == "chunked");
  client.send(get("/2"));
  worker.run();
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("a response that ends with its connection is chunked for the client, whose connection stays") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\n\r\nall of it");
  worker.primary().last().close();
  worker.run();
  CHECK(client.last().body == "all of it");
  CHECK(client.last().field("Transfer-Encoding") == "chunked");
  CHECK_FALSE(client.is_over());
  CHECK(worker.counted().servers[0][0].pooled.get() == 0);
}

TEST_CASE("an HTTP/1.0 client gets a response without length up to the end of its connection") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("GET /1 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  worker.primary().last().send("HTTP/1.1 103 Early Hints\r\n\r\n" + kChunked + "3\r\nabc\r\n0\r\n\r\n");
  worker.run();
  CHECK(client.last().body == "abc");
  CHECK_FALSE(client.last().has_field("Transfer-Encoding"));
  CHECK(client.messages().size() == 1);
  CHECK(client.peer.saw_end());
  CHECK_FALSE(client.peer.saw_reset());
}

TEST_CASE("an HTTP/1.0 client that asks for it keeps its connection behind a response with length") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask("GET /1 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  CHECK_FALSE(client.is_over());
  client.send("GET /2 HTTP/1.0\r\nHost: a\r\n\r\n");
  worker.run();
  CHECK(client.messages().size() == 2);
  CHECK(client.peer.saw_end());
}

TEST_CASE("HEAD, 204 and 304 have no body whatever they announce") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  worker.run();
  client.send(get("/2"));
  worker.run();
  worker.primary().last().send("HTTP/1.1 204 No Content\r\n\r\n");
  worker.run();
  client.send(get("/3"));
  worker.run();
  worker.primary().last().send("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n");
  worker.run();
  client.send(get("/4"));
  worker.run();
  worker.primary().last().send(reply(200, "real"));
  worker.run();
  const auto messages = client.messages("H");
  REQUIRE(messages.size() == 4);
  CHECK(messages[0].field("Content-Length") == "1000");
  CHECK(messages[1].status() == 204);
  CHECK(messages[2].status() == 304);
  CHECK(messages[3].body == "real");
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("a body behind HEAD or 304 is never taken for the next response") {
  const bool is_head = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(is_head ? "HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n" : get("/1"));
  const std::string evil = reply(200, "evil");
  worker.primary().last().send((is_head ? reply(200, "") : std::string("HTTP/1.1 304 X\r\n\r\n")) + evil);
  worker.run();
  client.send(get("/2"));
  worker.run();
  REQUIRE(worker.primary().connection_count() == 2);
  worker.primary().last().send(reply(200, "good"));
  worker.run();
  const auto messages = client.messages(is_head ? "H" : "");
  REQUIRE(messages.size() == 2);
  CHECK(messages[1].body == "good");
}

TEST_CASE("more bytes than announced are dropped and the connection is not used again") {
  const bool is_later = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send(reply(200, "abc") + (is_later ? "" : reply(200, "evil")));
  worker.run();
  if (is_later) {
    worker.primary().last().send(reply(200, "evil"));
    worker.run();
  }
  CHECK(client.messages().size() == 1);
  CHECK(worker.primary().last().is_over());
  client.send(get("/2"));
  worker.run();
  CHECK(worker.primary().connection_count() == 2);
  CHECK(client.messages().size() == 1);
}

TEST_CASE("bytes that come in the same turn in which an idle connection is taken are no response") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send(reply(200, "abc"));
  worker.run();
  worker.primary().last().send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  worker.primary().last().close();
  client.send(get("/2"));
  worker.run();
  REQUIRE(worker.primary().connection_count() == 2);
  worker.primary().last().send(reply(200, "good"));
  worker.run();
  CHECK(client.last().body == "good");
}

TEST_CASE("a response cut short is cut for the client too") {
  struct Case {
    std::string sent;
    bool by_reset;
    std::string then = {};
  };
  const auto given =
      GENERATE(Case{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", false},
               Case{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", true},
               Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", false},
               Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", false, "zz\r\n"},
               Case{"HTTP/1.1 200 OK\r\n\r\n12345", true});
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send(given.sent);
  worker.run();
  worker.primary().last().send(given.then);
  worker.run();
  given.by_reset ? worker.primary().last().reset() : worker.primary().last().close();
  worker.run();
  CHECK(client.is_over());
  CHECK(client.peer.received().find("12345") != std::string::npos);
  CHECK(client.peer.received().find("\r\n0\r\n") == std::string::npos);
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().is_cut);
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("a cut response without length is a reset for an HTTP/1.0 client, not an end") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("GET /1 HTTP/1.0\r\nHost: a\r\n\r\n");
  worker.primary().last().send(kChunked + "5\r\n12345\r\n");
  worker.run();
  worker.primary().last().close();
  worker.run();
  CHECK(client.peer.saw_reset());
  CHECK_FALSE(client.peer.saw_end());
}

TEST_CASE("what no strict parser accepts is answered 502 and its connection closed") {
  const std::string garbage = GENERATE(
      as<std::string>{}, "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 99 Low\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
  const bool is_write = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(is_write ? post("/1", "x") : get("/1"));
  worker.primary().last().send(garbage);
  worker.run();
  CHECK(client.last().status() == 502);
  CHECK(worker.primary().last().is_over());
  CHECK(worker.primary().connection_count() == 1);
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.ledger.uncertain.size() == (is_write ? 1 : 0));
  CHECK(worker.writes_open() == 0);
  CHECK(client.last().has_field("Retry-After") == !is_write);
  CHECK(worker.ledger.violations.empty());
}

TEST_CASE("responses that come in small and awkward pieces are the same responses") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  for (char c : "HTTP/1.1 100 Continue\r\n\r\n" + kChunked + "5\r\nhello\r\n0\r\n\r\n") {
    worker.primary().last().send(std::string(1, c));
    worker.run();
  }
  REQUIRE(client.messages().size() == 2);
  CHECK(client.last().body == "hello");
  CHECK(worker.counted().servers[0][0].pooled.get() == 1);
}
