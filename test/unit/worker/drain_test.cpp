// What is in flight at a change of mode finishes, moves or is cut; then the worker says that the side is fenced.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server(Mode mode = Mode::primary) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {mode}};
}

MemoryServer::Answer echo(std::string name) {
  return [name](const WireMessage& request, MemoryPeer&) {
    return reply(200, name + " " + request.method() + " " + request.target());
  };
}

}  // namespace

TEST_CASE("a write in flight finishes within the drain, and only then is the side fenced") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  worker.change_mode(Mode::backup_readonly);
  REQUIRE(worker.observer.applied.size() == 1);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 1);
  CHECK(worker.observer.applied[0].services[0].epoch == 2);
  worker.advance(9'000);
  CHECK(worker.observer.fenced.empty());
  client.send("67890");
  worker.run();
  worker.primary().last().send(reply(201, "booked"));
  worker.run();
  CHECK(client.last().status() == 201);
  REQUIRE(worker.observer.fenced.size() == 1);
  const FencedReport& report = worker.observer.fenced[0];
  CHECK(report.epoch == 2);
  CHECK(report.writes_finished == 1);
  CHECK(report.writes_uncertain == 0);
  CHECK(report.cut == 0);
  worker.advance(12'000);
  CHECK(worker.observer.fenced.size() == 1);
}

TEST_CASE("a write in flight at the end of the drain is cut by a reset and uncertain") {
  const bool client_stays = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/w", "x", "Accept: text/plain\r\n"));
  worker.change_mode(Mode::backup_readonly);
  if (!client_stays) client.peer.reset();
  worker.advance(9'950);
  CHECK(worker.observer.fenced.empty());
  CHECK_FALSE(worker.primary().last().is_over());
  worker.advance(150);
  CHECK(worker.primary().last().saw_reset());
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].writes_uncertain == 1);
  CHECK(worker.observer.fenced[0].writes_finished == 0);
  CHECK(worker.observer.fenced[0].cut == 1);
  REQUIRE(worker.ledger.uncertain.size() == 1);
  CHECK(worker.ledger.uncertain[0].why == "cut at the end of failover.drain");
  CHECK(worker.ledger.uncertain[0].entry.epoch == 1);
  if (client_stays) {
    CHECK(client.last().status() == 502);
    CHECK_FALSE(client.last().has_field("Retry-After"));
  }
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("when fenced is said, nothing is left in the queue of a connection that was cut") {
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 1 << 20;
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  worker.primary().last().stop_reading();
  client.send(std::string(50'000, 'w'));
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  REQUIRE(worker.primary().last().connection().to_peer.size() == 50'000);
  worker.wheel.set_now(worker.wheel.now_ms() + 10'100);
  size_t queued_when_fenced = 1;
  worker.observer.on_fenced_hook = [&] {
    queued_when_fenced = worker.primary().last().connection().to_peer.size();
    CHECK(worker.primary().last().connection().stream == nullptr);
  };
  worker.run();
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(queued_when_fenced == 0);
}

TEST_CASE("a write whose final status line came counts as finished although its response is cut") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/w", "x"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 1);
  worker.advance(10'100);
  CHECK(client.is_over());
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].writes_finished == 1);
  CHECK(worker.observer.fenced[0].writes_uncertain == 0);
  CHECK(worker.observer.fenced[0].cut == 1);
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("writes in flight add up to those that finished and those that are uncertain") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.allow = {Rule::parse("POST /login").value()};
                            config.services[0].read_only.deny = {Rule::parse("GET /cancel").value()};
                          },
                          {}});
  worker.ask(post("/a", "x"));
  worker.ask(post("/login", "", "Content-Type: text/plain\r\n"));
  worker.ask(get("/cancel"));
  worker.ask(post("/b", "x"));
  worker.ask(get("/read"));
  worker.backup().answer = echo("backup");
  worker.change_mode(Mode::backup_readonly);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 4);
  CHECK(worker.observer.applied[0].services[0].others_draining == 1);
  worker.primary().connection(3).send(reply(200, "done"));
  worker.advance(10'200);
  REQUIRE(worker.observer.fenced.size() == 1);
  const FencedReport& report = worker.observer.fenced[0];
  CHECK(report.writes_finished == 1);
  CHECK(report.writes_uncertain == 3);
  CHECK(report.reads_moved == 1);
  CHECK(report.cut == 3);
  CHECK(worker.ledger.uncertain.size() == 3);
}

TEST_CASE("a read in flight is moved after read_fallback_after, or as soon as its server dies") {
  const bool server_dies = GENERATE(true, false);
  SimulatedWorker worker(one_server());
  worker.backup().answer = echo("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(1'900);
  CHECK(client.messages().empty());
  CHECK(worker.observer.fenced.empty());
  if (server_dies) {
    worker.primary().last().reset();
    worker.run();
  } else {
    worker.advance(200);
  }
  CHECK(client.last().body == "backup GET /r");
  CHECK(client.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].reads_moved == 1);
  CHECK(worker.primary().last().is_over());
}

TEST_CASE("a read in flight may still be answered by the side that was left until it is moved") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/r"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(1'000);
  worker.primary().last().send(reply(200, "late"));
  worker.run();
  CHECK(client.last().body == "late");
  CHECK(worker.observer.fenced.size() == 1);
}

TEST_CASE("a read that is being relayed is cut at the end of the drain, not moved") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/r"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  worker.advance(9'900);
  CHECK_FALSE(client.is_over());
  worker.advance(200);
  CHECK(client.is_over());
  CHECK(client.last().is_cut);
  CHECK(worker.primary().last().is_over());
  CHECK(worker.backup().connection_count() == 0);
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].cut == 1);
}

TEST_CASE("freeze leaves reads alone and drains writes") {
  SimulatedWorker worker(one_server());
  SimulatedClient& reader = worker.ask(get("/r"));
  worker.ask(post("/w", "x"));
  worker.change_mode(Mode::primary_readonly);
  CHECK(worker.observer.applied[0].services[0].others_draining == 0);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 1);
  worker.advance(11'000);
  CHECK(worker.observer.fenced.size() == 1);
  CHECK(reader.messages().empty());
  worker.primary().connection(0).send(reply(200, "slow"));
  worker.run();
  CHECK(reader.last().body == "slow");
}

TEST_CASE("a change during another's drain supersedes it and does not prolong it") {
  SimulatedWorker worker(one_server());
  worker.ask(post("/w", "x"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(6'000);
  worker.change_mode(Mode::closed);
  CHECK(worker.observer.fenced.empty());
  worker.advance(4'200);
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].epoch == 3);
  CHECK(worker.observer.fenced[0].writes_uncertain == 1);
}

TEST_CASE("a write whose mode comes back is left alone") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post("/w", "x"));
  worker.change_mode(Mode::primary_readonly);
  worker.advance(6'000);
  worker.change_mode(Mode::primary);
  CHECK(worker.observer.order == std::vector<std::string>{"applied 2", "applied 3", "fenced 0:3"});
  worker.advance(20'000);
  worker.primary().last().send(reply(200, "done"));
  worker.run();
  CHECK(client.last().body == "done");
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("closed answers everything itself and cuts what is in flight at the end of the drain") {
  SimulatedWorker worker(one_server());
  SimulatedClient& reader = worker.ask(get("/r"));
  worker.change_mode(Mode::closed);
  CHECK(worker.ask(get("/x")).last().status() == 503);
  CHECK(worker.ask(post("/x", "y")).last().status() == 503);
  worker.advance(10'100);
  CHECK(reader.last().status() == 503);
  CHECK(worker.primary().connection_count() == 1);
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.observer.fenced.size() == 1);
}
