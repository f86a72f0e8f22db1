// What moves away from a server that is silent or down, what stays, and what a switch does to it.
#include <catch2/catch.hpp>

#include "health_fixture.h"
#include "tunnel_fixture.h"

using namespace halfdoor;

namespace {

MemoryServer::Answer answer_as(std::string name) {
  return [name](const WireMessage& request, MemoryPeer&) {
    return reply(200, name + " " + request.method() + " " + request.target());
  };
}

size_t primary_connections(SimulatedWorker& worker) {
  return worker.primary(0).connection_count() + worker.primary(1).connection_count();
}

// The server that was asked, of the two of the primary.
size_t asked(SimulatedWorker& worker) { return worker.primary(0).connection_count() > 0 ? 0 : 1; }

}  // namespace

TEST_CASE("every read that waits moves at once, also one that began a moment ago; what may not be re-sent stays") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.deny = {Rule::parse("GET /cancel").value()};
                            config.services[0].read_only.allow = {Rule::parse("POST /login").value()};
                          },
                          {}});
  worker.backup().answer = answer_as("backup");
  fail_check(worker, kFirst);
  std::vector<SimulatedClient*> stay;
  for (const std::string& request :
       {post("/w", "x"), get("/cancel"), post("/login", "", "Content-Type: text/plain\r\n"),
        get("/body", "Content-Length: 1\r\n") + "b", handshake(), get("/r", "X-HTTP-Method-Override: PUT\r\n")}) {
    stay.push_back(&worker.ask(request));
  }
  SimulatedClient& early = worker.ask(get("/early"));
  worker.advance(1'900);
  SimulatedClient& late = worker.ask(get("/late"));
  SimulatedClient& head = worker.ask("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n");
  worker.advance(200);
  CHECK(early.last().body == "backup GET /early");
  CHECK(late.last().body == "backup GET /late");
  CHECK(head.last("H").status() == 200);
  CHECK(worker.counted().fallback_reads.get() == 3);
  for (SimulatedClient* client : stay) CHECK(client->messages().empty());
  CHECK(worker.backup().requests.size() == 3);
  SECTION("also from then on") {
    for (const std::string& request : {post("/w", "x"), get("/cancel")}) {
      stay.push_back(&worker.ask(request));
    }
    worker.advance(5'000);
    CHECK(worker.backup().requests.size() == 3);
    for (SimulatedClient* client : stay) CHECK(client->messages().empty());
    CHECK(worker.primary().connection_count() == 11);
  }
  SECTION("and at first_byte: then their outcome is unknown") {
    worker.advance(60'000);
    CHECK(worker.backup().requests.size() == 3);
    for (SimulatedClient* client : stay) CHECK(client->last().status() == 504);
    CHECK_FALSE(stay[0]->last().has_field("Retry-After"));
    CHECK(worker.ledger.uncertain.size() == 5);  // the handshake is none
  }
}

TEST_CASE("a response of which a byte was written stays where it is") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/begun"));
  SimulatedClient& other = worker.ask(get("/other"));
  worker.primary().connection(0).send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  worker.run();
  fail_check(worker, kFirst);
  worker.advance(2'200);
  CHECK(other.last().body == "backup GET /other");
  CHECK_FALSE(client.is_over());
  worker.primary().connection(0).send("def");
  worker.run();
  CHECK(client.last().body == "abcdef");
  CHECK(worker.backup().requests.size() == 1);
}

TEST_CASE("a connection that does not come to be is waited for no longer than an answer") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& reader = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  fail_check(worker, kFirst);
  worker.advance(1'980);
  CHECK(reader.messages().empty());
  worker.advance(120);
  CHECK(reader.last().body == "backup GET /r");
  CHECK(worker.counted().servers[0][0].connect_failures.get() == 1);
  worker.advance(1'000);
  CHECK(writer.last().status() == 504);
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("what waits for a connection to a silent server goes to another one of its side, whatever its method") {
  SimulatedWorker worker;
  worker.answer_everything();
  set_health(worker, kSecond, Health::unhealthy);
  worker.primary(0).reach = MemoryServer::Reach::is_silent;
  const std::string body(50'000, 'b');
  SimulatedClient& reader = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", body));
  REQUIRE(worker.primary(1).connection_count() == 0);
  set_health(worker, kSecond, Health::healthy);
  fail_check(worker, kFirst);
  worker.advance(2'100);
  CHECK(reader.last().body == "primary GET /r ");
  CHECK_FALSE(reader.last().has_field("Halfdoor-Served-By"));
  CHECK(writer.last().body == "primary POST /w " + body);
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.writes_open() == 0);
}

TEST_CASE("a write of which a silent server took nothing goes to another one of its side with its body intact") {
  SimulatedWorker worker;
  worker.answer_everything();
  set_health(worker, kSecond, Health::unhealthy);
  worker.ask(get("/1"));
  worker.primary(0).last().connection().to_peer_capacity = 0;
  const std::string body(5'000, 'b');
  SimulatedClient& writer = worker.ask(post("/w", body));
  REQUIRE(worker.primary(0).connection_count() == 1);
  set_health(worker, kSecond, Health::healthy);
  fail_check(worker, kFirst);
  worker.advance(2'100);
  CHECK(writer.last().body == "primary POST /w " + body);
  CHECK(worker.primary(1).requests.size() == 1);
  CHECK(worker.ledger.begun.size() == 2);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.writes_open() == 0);
}

TEST_CASE("a read that has waited for one server does not wait for another whose check failed as well") {
  const bool has_failed = GENERATE(true, false);
  SimulatedWorker worker;
  worker.backup().answer = answer_as("backup");
  worker.ask(get("/r"));
  const size_t first = asked(worker);
  fail_check(worker, kFirst);
  fail_check(worker, kSecond);
  worker.advance(1'000);
  if (!has_failed) pass_check(worker, first == 0 ? kSecond : kFirst);
  worker.advance(1'100);
  CHECK(worker.backup().requests.size() == (has_failed ? 1 : 0));
  CHECK(worker.primary(1 - first).connection_count() == (has_failed ? 0 : 1));
}

TEST_CASE("a write that was sent stays at a silent server although its side has another one") {
  SimulatedWorker worker;
  worker.backup().answer = answer_as("backup");
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  const size_t first = asked(worker);
  worker.primary(1 - first).answer = answer_as("other");
  fail_check(worker, first == 0 ? kFirst : kSecond);
  SimulatedClient& reader = worker.ask(get("/r"));
  worker.advance(2'200);
  CHECK(reader.last().body == "other GET /r");
  CHECK(worker.ask(post("/w", "y")).last().body == "other POST /w");
  CHECK(writer.messages().empty());
  worker.advance(60'000);
  CHECK(writer.last().status() == 504);
  CHECK(worker.ledger.uncertain.size() == 1);
  CHECK(worker.primary(1 - first).requests.size() == 2);
}

TEST_CASE("read_fallback = false keeps reads on their side, and lets them move among its servers") {
  const bool has_another = GENERATE(true, false);
  SimulatedWorker worker({[&](Config& config) {
                            if (!has_another) config.services[0].sides[0].servers.resize(1);
                            config.services[0].failover.read_fallback = false;
                          },
                          {}});
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  const size_t first = asked(worker);
  if (has_another) worker.primary(1 - first).answer = answer_as("other");
  fail_check(worker, first == 0 ? kFirst : kSecond);
  worker.advance(5'000);
  if (has_another) {
    CHECK(client.last().body == "other GET /r");
  } else {
    CHECK(client.messages().empty());
  }
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("the direction of a fallback is that of the mode") {
  const auto [mode, diverged, moves] = GENERATE(table<Mode, bool, bool>({
      {Mode::primary, false, true},
      {Mode::primary_readonly, false, true},
      {Mode::primary_readonly, true, false},
      {Mode::backup_readonly, false, false},
      {Mode::backup_writable, true, false},
  }));
  SimulatedWorker worker(one_primary_server());
  worker.apply(mode, 0, diverged);
  const bool on_primary = serving_side(mode) == Side::primary;
  (on_primary ? worker.backup() : worker.primary()).answer = answer_as("the other side");
  SimulatedClient& client = worker.ask(get("/r"));
  fail_check(worker, on_primary ? kFirst : kBackup);
  worker.advance(10'000);
  CHECK(client.messages().size() == (moves ? 1 : 0));
  CHECK((on_primary ? worker.backup() : worker.primary()).connection_count() == (moves ? 1 : 0));
}

TEST_CASE("a read that moves to a backup that is down as well gets the notice then, not after first_byte") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().reach = MemoryServer::Reach::refuses_later;
  set_health(worker, kBackup, Health::unhealthy);
  SimulatedClient& client = worker.ask(get("/r"));
  fail_check(worker, kFirst);
  worker.advance(2'200);
  CHECK(client.last().status() == 502);
  CHECK(client.last().has_field("Retry-After"));
  CHECK(worker.backup().connection_count() == 1);
}

TEST_CASE("a read stays where it waits when everything else is silent as well") {
  SimulatedWorker worker(one_primary_server());
  SimulatedClient& client = worker.ask(get("/r"));
  make_silent(worker, kBackup);
  fail_check(worker, kFirst);
  worker.advance(5'000);
  CHECK(client.messages().empty());
  worker.primary().last().send(reply(200, "awake again"));
  worker.run();
  CHECK(client.last().body == "awake again");
  CHECK(worker.counted().retries.get() == 0);
}

TEST_CASE("a read that gets no answer within first_byte moves only if more than slowness speaks against its server") {
  enum class Doubt { none, unhealthy, failed_check };
  const Doubt doubt = GENERATE(Doubt::none, Doubt::unhealthy, Doubt::failed_check);
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.timeouts.first_byte = Milliseconds(1'000);
                          },
                          {}});
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  pass_check(worker, kFirst);
  if (doubt == Doubt::unhealthy) set_health(worker, kFirst, Health::unhealthy);
  if (doubt == Doubt::failed_check) fail_check(worker, kFirst);
  worker.advance(1'100);
  if (doubt == Doubt::none) {
    CHECK(client.last().status() == 504);
    CHECK(worker.backup().connection_count() == 0);
  } else {
    CHECK(client.last().body == "backup GET /r");
  }
  CHECK(writer.last().status() == 504);
  CHECK(worker.ledger.uncertain.size() == 1);
  CHECK(worker.backup().all_received().find("POST") == std::string::npos);
}

TEST_CASE("a read that is given up at first_byte by a server that is merely slow is counted as slow") {
  SimulatedWorker worker(one_primary_server());
  SimulatedClient& client = worker.ask(get("/r"));
  worker.advance(60'200);
  CHECK(client.last().status() == 504);
  CHECK(worker.counted().slow_reads.get() == 1);
}

TEST_CASE("at a switch reads move at once if their server is unhealthy or silent") {
  enum class Trouble { none, unhealthy, silent };
  const Trouble trouble = GENERATE(Trouble::none, Trouble::unhealthy, Trouble::silent);
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& reader = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  if (trouble == Trouble::unhealthy) set_health(worker, kFirst, Health::unhealthy);
  if (trouble == Trouble::silent) make_silent(worker, kFirst);
  worker.change_mode(Mode::backup_readonly);
  const bool at_once = trouble != Trouble::none;
  CHECK(worker.observer.applied[0].services[0].others_draining == (at_once ? 0 : 1));
  CHECK(worker.observer.applied[0].services[0].writes_draining == 1);
  CHECK(reader.messages().size() == (at_once ? 1 : 0));
  worker.advance(2'100);
  CHECK(reader.last().body == "backup GET /r");
  CHECK(reader.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  CHECK_FALSE(reader.last().has_field("Halfdoor-Served-By"));
  CHECK(writer.messages().empty());
  worker.advance(8'000);
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].reads_moved == 1);
  CHECK(worker.observer.fenced[0].writes_uncertain == 1);
}

TEST_CASE("at a switch with a drain shorter than read_fallback_after reads move at its end instead of being cut") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].failover.drain = Milliseconds(500);
                          },
                          {}});
  worker.backup().answer = answer_as("backup");
  SimulatedClient& reader = worker.ask(get("/r"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(480);
  CHECK(reader.messages().empty());
  worker.advance(120);
  CHECK(reader.last().body == "backup GET /r");
  CHECK(worker.observer.fenced[0].reads_moved == 1);
  CHECK(worker.observer.fenced[0].cut == 0);
}

TEST_CASE("a read that drains moves as soon as its server is found silent") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& reader = worker.ask(get("/r"));
  fail_check(worker, kFirst);
  worker.advance(1'500);
  worker.change_mode(Mode::backup_readonly);
  CHECK(reader.messages().empty());
  worker.advance(600);
  CHECK(reader.last().body == "backup GET /r");
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].reads_moved == 1);
}

TEST_CASE("a fallback read goes by the mode of the moment in which it moves") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  fail_check(worker, kFirst);
  worker.advance(1'000);
  worker.apply(Mode::primary_readonly, 0, /*diverged=*/true);
  worker.advance(5'000);
  CHECK(client.messages().empty());
  CHECK(worker.backup().connection_count() == 0);
  CHECK(primary_connections(worker) <= 2);
}
