// What is tried again, where, and what never is.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

size_t primary_connections(SimulatedWorker& worker) {
  return worker.primary(0).connection_count() + worker.primary(1).connection_count();
}

bool is_open(MemoryServer& server) {
  return server.connection_count() > 0 && server.last().connection().stream != nullptr;
}

void kill(MemoryServer& server) {
  server.reach = MemoryServer::Reach::refuses_later;
  for (auto& connection : server.connections) connection->reset();
}

}  // namespace

TEST_CASE("a pooled connection that the server has closed meanwhile is retried once, silently") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send(reply(200, "one"));
  worker.run();
  client.send(get("/2"));
  worker.run();
  REQUIRE(worker.primary().connection_count() == 1);
  worker.primary().last().close();
  worker.run();
  REQUIRE(worker.primary().connection_count() == 2);
  CHECK(worker.primary().last().received().find("GET /2") == 0);
  worker.primary().last().send(reply(200, "two"));
  worker.run();
  CHECK(client.last().body == "two");
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("a server that closes pooled and new connections alike is not tried for ever") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.ask(get("/1"));
  const auto hang_up = [](const WireMessage&, MemoryPeer& peer) {
    peer.close();
    return std::string();
  };
  worker.primary().answer = hang_up;
  SimulatedClient& client = worker.ask(get("/2"));
  CHECK(client.last().body == "backup GET /2 ");
  CHECK(client.last().field("Halfdoor-Served-By") == "backup; fallback");
  CHECK(worker.primary().connection_count() <= 3);
}

TEST_CASE("what may not be re-sent takes a pooled connection only if it was used within the last second") {
  const int64_t idle_ms = GENERATE(900, 1200);
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.advance(idle_ms);
  client.send(post("/2", "x"));
  worker.run();
  CHECK(client.last().status() == 200);
  CHECK(worker.primary().connection_count() == (idle_ms == 900 ? 1 : 2));
}

TEST_CASE("a read takes a pooled connection of any age up to timeouts.pool_idle") {
  const int64_t idle_ms = GENERATE(3900, 4200);
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.advance(idle_ms);
  client.send(get("/2"));
  worker.run();
  CHECK(worker.primary().connection_count() == (idle_ms == 3900 ? 1 : 2));
}

TEST_CASE("a server may ask for a shorter stay in the pool, not for a longer one") {
  const auto [field, ms, is_kept] = GENERATE(table<std::string, int64_t, bool>({
      {"Keep-Alive: timeout=1\r\n", 900, true},
      {"Keep-Alive: timeout=1\r\n", 1200, false},
      {"Keep-Alive: timeout=0\r\n", 100, false},
      {"Keep-Alive: timeout=60, max=9\r\n", 4200, false},
      {"Connection: close\r\n", 0, false},
  }));
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().last().send(reply(200, "one", field));
  worker.run();
  worker.advance(ms);
  client.send(get("/2"));
  worker.run();
  CHECK(worker.primary().connection_count() == (is_kept ? 1 : 2));
}

TEST_CASE("the next server is tried when one refuses, for any method and with its body intact") {
  const auto reach = GENERATE(MemoryServer::Reach::refuses_at_once, MemoryServer::Reach::refuses_later);
  const size_t dead = GENERATE(0, 1);
  const size_t length = GENERATE(0, 5, 100'000);
  SimulatedWorker worker;
  worker.answer_everything();
  worker.primary(dead).reach = reach;
  for (int i = 0; i < 4; ++i) {
    const std::string body(length, static_cast<char>('a' + i));
    SimulatedClient& client = worker.ask(post("/p", body));
    REQUIRE(client.last().status() == 200);
    CHECK(client.last().body == "primary POST /p " + body);
  }
  CHECK(worker.primary(1 - dead).requests.size() == 4);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.writes_open() == 0);
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("reads go to the backup when every primary server fails") {
  const auto reach = GENERATE(MemoryServer::Reach::refuses_at_once, MemoryServer::Reach::refuses_later,
                              MemoryServer::Reach::is_silent);
  SimulatedWorker worker;
  worker.answer_everything();
  worker.primary(0).reach = worker.primary(1).reach = reach;
  SimulatedClient& client = worker.ask(get("/r"));
  worker.advance(7000);
  CHECK(client.last().body == "backup GET /r ");
  CHECK(client.last().field("Halfdoor-Served-By") == "backup; fallback");
  CHECK(worker.counted().fallback_reads.get() == 1);
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  worker.advance(7000);
  CHECK(writer.last().status() == (reach == MemoryServer::Reach::is_silent ? 504 : 502));
  CHECK(worker.backup().all_received().find("POST") == std::string::npos);
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("the fallback is for modes and requests that allow it") {
  struct Case {
    Mode mode;
    bool diverged;
    bool fallback;
    std::string request;
    bool is_served;
  };
  const auto given =
      GENERATE(Case{Mode::primary, false, true, get("/x"), true}, Case{Mode::primary, false, false, get("/x"), false},
               Case{Mode::primary_readonly, false, true, get("/x"), true},
               Case{Mode::primary_readonly, true, true, get("/x"), false},
               Case{Mode::primary, false, true, get("/cancel"), false},
               Case{Mode::primary, false, true, post("/login", ""), false},
               Case{Mode::primary, false, true, get("/x", "Content-Length: 1\r\n") + "b", false});
  SimulatedWorker worker({[&](Config& config) {
                            config.services[0].failover.read_fallback = given.fallback;
                            config.services[0].read_only.deny = {Rule::parse("GET /cancel").value()};
                            config.services[0].read_only.allow = {Rule::parse("POST /login").value()};
                          },
                          {}});
  worker.answer_everything();
  worker.apply(given.mode, 0, given.diverged);
  worker.primary(0).reach = worker.primary(1).reach = MemoryServer::Reach::refuses_later;
  SimulatedClient& client = worker.ask(given.request);
  CHECK(client.last().status() == (given.is_served ? 200 : 502));
  CHECK(worker.backup().connection_count() == (given.is_served ? 1 : 0));
}

TEST_CASE("a read on the backup never goes to the primary that was left") {
  SimulatedWorker worker({{}, {Mode::backup_readonly}});
  worker.answer_everything();
  worker.backup().reach = MemoryServer::Reach::refuses_later;
  SimulatedClient& client = worker.ask(get("/r"));
  CHECK(client.last().status() == 502);
  CHECK(client.last().has_field("Retry-After"));
  CHECK(primary_connections(worker) == 0);
}

TEST_CASE("a read is tried elsewhere when its server resets before the response, or within its head") {
  const std::string begun = GENERATE(as<std::string>{}, "", "HTTP/1.1 20", "HTTP/1.1 100 Continue\r\n\r\n");
  SimulatedWorker worker;
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "from backup"); };
  SimulatedClient& client = worker.ask(get("/r"));
  for (int i = 0; i < 2; ++i) {
    MemoryServer& asked = worker.primary(is_open(worker.primary(0)) ? 0 : 1);
    asked.last().send(begun);
    worker.run();
    asked.last().reset();
    worker.run();
  }
  CHECK(client.last().body == "from backup");
  CHECK(primary_connections(worker) == 2);
}

TEST_CASE("a POST of which a byte was sent is never sent again") {
  const bool by_reset = GENERATE(true, false);
  const std::string begun = GENERATE(as<std::string>{}, "", "HTTP/1.1 2", "HTTP/1.1 100 Continue\r\n\r\n");
  SimulatedWorker worker;
  SimulatedClient& client = worker.ask(post("/w", "x=1"));
  MemoryServer& asked = worker.primary(worker.primary(0).connection_count() == 1 ? 0 : 1);
  asked.last().send(begun);
  worker.run();
  by_reset ? asked.last().reset() : asked.last().close();
  worker.run();
  CHECK(client.last().status() == 502);
  CHECK_FALSE(client.last().has_field("Retry-After"));
  CHECK(primary_connections(worker) == 1);
  CHECK(worker.backup().connection_count() == 0);
  REQUIRE(worker.ledger.uncertain.size() == 1);
  CHECK(worker.counted().uncertain.get() == 1);
}

TEST_CASE("a POST on a pooled connection that dies under it is not sent again either") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.primary().answer = nullptr;
  worker.primary().last().on_received = nullptr;
  client.send(post("/w", "x"));
  worker.run();
  worker.primary().last().close();
  worker.run();
  CHECK(client.last().status() == 502);
  CHECK(worker.ledger.uncertain.size() == 1);
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("a POST of which nothing was taken goes to a new connection with its body intact") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  // The server's buffer is full: not a byte is taken of what is written.
  worker.primary().connection(0).connection().to_peer_capacity = 0;
  const std::string body(50'000, 'b');
  client.send(post("/w", body));
  worker.run();
  REQUIRE(worker.primary().connection_count() == 1);
  worker.primary().connection(0).reset();
  worker.run();
  CHECK(client.last().body == "primary POST /w " + body);
  CHECK(worker.primary().requests.size() == 2);
  CHECK(worker.ledger.begun.size() == 2);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.writes_open() == 0);
}

TEST_CASE("a server that takes connections and closes them at once is passed over, also by a POST") {
  const bool with_farewell = GENERATE(false, true);
  SimulatedWorker worker;
  worker.answer_everything();
  worker.primary(0).on_connect = [&](MemoryPeer& peer) {
    if (with_farewell) peer.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    peer.finish();
  };
  for (int i = 0; i < 4; ++i) {
    SimulatedClient& client = worker.ask(post("/w", "x"));
    CHECK(client.last().body == "primary POST /w x");
  }
  CHECK(worker.primary(1).requests.size() == 4);
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("a read whose response has begun is cut when its server dies, and the next one is served elsewhere") {
  SimulatedWorker worker(one_server());
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "from backup"); };
  SimulatedClient& client = worker.ask(get("/r"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.run();
  kill(worker.primary());
  worker.run();
  CHECK(client.is_over());
  CHECK(client.last().is_cut);
  CHECK(worker.ask(get("/r")).last().body == "from backup");
}

TEST_CASE("a read whose head and reset came in one turn is answered by the backup") {
  SimulatedWorker worker(one_server());
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "from backup"); };
  SimulatedClient& client = worker.ask(get("/r"));
  MemoryPeer& server = worker.primary().last();
  server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  server.pump();
  server.reset();
  worker.run();
  CHECK(client.last().body == "from backup");
  CHECK(client.messages().size() == 1);
  CHECK(worker.counted().responses[2].get() == 1);
  CHECK(worker.counted().requests.get() == 1);
}

TEST_CASE("counters of servers come back to zero") {
  SimulatedWorker worker;
  worker.answer_everything();
  worker.primary(0).reach = MemoryServer::Reach::refuses_later;
  for (int i = 0; i < 10; ++i) worker.ask(i % 2 ? get("/g") : post("/p", "x"));
  kill(worker.primary(1));
  for (int i = 0; i < 10; ++i) worker.ask(i % 2 ? get("/g") : post("/p", "x"));
  worker.advance(5000);
  uint64_t answered = 0;
  for (const Counter& counter : worker.counted().responses) answered += counter.get();
  CHECK(answered == worker.counted().requests.get());
  for (Side side : kSides) {
    for (const ServerCounters& server : worker.counted().servers[index_of(side)]) {
      CHECK(server.in_flight.get() == 0);
      CHECK(server.pooled.get() == 0);
    }
  }
}
