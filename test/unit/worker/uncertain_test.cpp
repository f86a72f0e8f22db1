// Writes: their identity is known before their first byte, and their outcome, or that nobody knows it, is told.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

}  // namespace

TEST_CASE("a write stands in the ledger before its first byte and until its final status line") {
  SimulatedWorker worker(one_server());
  uint64_t written_at_begin = UINT64_MAX;
  worker.ledger.on_begin = [&](const WriteIdentity&) {
    written_at_begin = worker.primary().last().connection().written_by_proxy;
  };
  SimulatedClient& client = worker.ask(post("/book?x=1", "seat=4"));
  CHECK(written_at_begin == 0);
  REQUIRE(worker.ledger.open.size() == 1);
  const CheckedLedger::Entry& entry = worker.ledger.open.begin()->second;
  CHECK(entry.method == "POST");
  CHECK(entry.path == "/book?x=1");
  CHECK(entry.client == "192.0.2.1");
  CHECK(entry.epoch == 1);
  CHECK(entry.side == Side::primary);
  CHECK(entry.server == "10.0.0.1:80");
  CHECK(entry.request_id.size() == 32);
  CHECK(worker.primary().last().received().find(entry.request_id) != std::string::npos);
  worker.primary().last().send("HTTP/1.1 100 Continue\r\n\r\n");
  worker.run();
  CHECK(worker.writes_open() == 1);
  worker.primary().last().send("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n");
  worker.run();
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.uncertain.empty());
  worker.primary().last().reset();
  worker.run();
  CHECK(client.last().status() == 500);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.ledger.violations.empty());
}

TEST_CASE("reads need no place in the ledger") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.ask(get("/1") + "HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(worker.ledger.begun.empty());
}

TEST_CASE("a write for which the ledger has no room is refused and nothing of it is sent") {
  SimulatedWorker worker(one_server());
  worker.ledger.slots = 1;
  worker.ask(post("/first", "x"));
  SimulatedClient& second = worker.ask(post("/second", "x"));
  CHECK(second.last().status() == 503);
  CHECK(worker.primary().all_received().find("/second") == std::string::npos);
  CHECK_FALSE(second.is_over());
  worker.primary().connection(0).send(reply(200, "ok"));
  worker.run();
  second.send(post("/third", "x"));
  worker.run();
  CHECK(worker.primary().all_received().find("/third") != std::string::npos);
  CHECK(worker.ledger.violations.empty());
}

TEST_CASE("a write that timed out is answered 504 with the page that never says send it again") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/w", "x", "Accept: text/plain\r\n"));
  worker.advance(59'000);
  CHECK(client.messages().empty());
  worker.advance(1500);
  CHECK(client.last().status() == 504);
  CHECK_FALSE(client.last().has_field("Retry-After"));
  REQUIRE(worker.ledger.uncertain.size() == 1);
  CHECK(client.last().body.find(worker.ledger.uncertain[0].entry.request_id) != std::string::npos);
  CHECK(worker.ledger.uncertain[0].bytes_sent == worker.primary().last().received_bytes());
  // What the kernel still holds must not be delivered.
  CHECK(worker.primary().last().saw_reset());
}

TEST_CASE("a client that leaves in the middle of its body makes the write uncertain and cuts it") {
  const bool by_reset = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  by_reset ? client.peer.reset() : client.peer.close();
  worker.run();
  REQUIRE(worker.ledger.uncertain.size() == 1);
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("a client that leaves before anything was sent leaves nothing uncertain") {
  SimulatedWorker worker(one_server());
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  client.peer.reset();
  worker.run();
  CHECK(worker.ledger.begun.empty());
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("the outcome of a write is learnt even when its client has left") {
  const size_t length = GENERATE(0, 3, 49'150);
  const int ending = GENERATE(0, 1, 2);
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 5000;
  SimulatedClient& client = worker.ask(post("/w", std::string(length, 'w')));
  client.peer.reset();
  worker.run();
  CHECK(worker.counters.connections.get() == 0);
  REQUIRE(worker.writes_open() == 1);
  CHECK(worker.counters.exchanges.get() == 1);
  const auto rows = worker.core->list_exchanges();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].client == "192.0.2.1");
  CHECK(rows[0].path == "/w");
  if (ending == 0) worker.primary().last().send(reply(201, "created"));
  if (ending == 1) worker.primary().last().close();
  ending == 2 ? worker.advance(61'000) : worker.run();
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.uncertain.size() == (ending == 0 ? 0 : 1));
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counted().responses[2].get() == (ending == 0 ? 1 : 0));
  CHECK(worker.counted().responses[0].get() == (ending == 0 ? 0 : 1));
  CHECK(worker.ledger.violations.empty());
}

TEST_CASE("a client that leaves does not keep a read alive") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/r"));
  client.peer.reset();
  worker.run();
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.primary().last().is_over());
}

TEST_CASE("a client that leaves while its response comes ends the exchange") {
  const bool is_write = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(is_write ? post("/w", "x") : get("/r"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.run();
  client.peer.reset();
  worker.run();
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.primary().last().is_over());
}

TEST_CASE("what is in flight when a worker ends is uncertain because halfdoor stopped") {
  CheckedLedger* ledger = nullptr;
  std::vector<CheckedLedger::Uncertain> found;
  {
    SimulatedWorker worker(one_server());
    ledger = &worker.ledger;
    worker.ask(post("/complete", "x"));
    worker.ask("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    worker.core.reset();
    found = ledger->uncertain;
    CHECK(ledger->violations.empty());
  }
  REQUIRE(found.size() == 2);
  for (const auto& uncertain : found) CHECK(uncertain.why == "halfdoor stopped");
}

TEST_CASE("a write that a rule allows stands in the ledger like any other") {
  SimulatedWorker worker(
      {[](Config& config) { config.services[0].read_only.allow = {Rule::parse("POST /login").value()}; },
       {Mode::backup_readonly}});
  SimulatedClient& client = worker.ask(post("/login", "", "Content-Type: text/plain\r\n"));
  REQUIRE(worker.writes_open() == 1);
  REQUIRE(worker.ledger.begun.size() == 1);
  CHECK(worker.ledger.begun[0].side == Side::backup);
  worker.backup().last().close();
  worker.run();
  CHECK(client.last().status() == 502);
  CHECK(worker.ledger.uncertain.size() == 1);
  CHECK(worker.backup().connection_count() == 1);
}
