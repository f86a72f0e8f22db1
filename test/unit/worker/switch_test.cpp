// What a change of mode does to what is in flight, and when a worker says that a side is fenced.
#include <algorithm>
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

TEST_CASE("a switch with nothing in flight is fenced at once, once, after it was applied") {
  SimulatedWorker worker;
  worker.answer_everything();
  worker.ask(get("/1"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(12'000);
  CHECK(worker.observer.order == std::vector<std::string>{"applied 2", "fenced 0:2"});
  CHECK(worker.observer.fenced[0].cut == 0);
  worker.apply_same();
  worker.run();
  CHECK(worker.observer.order.size() == 3);
  CHECK(worker.observer.applied.size() == 2);
}

TEST_CASE("pooled connections to the side that was left are closed at the switch") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.ask(get("/1"));
  REQUIRE(worker.counted().servers[0][0].pooled.get() == 1);
  worker.change_mode(Mode::backup_readonly);
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counted().servers[0][0].pooled.get() == 0);
}

TEST_CASE("a connection to the side that was left is closed once its last exchange has ended") {
  SimulatedWorker worker(one_server());
  worker.ask(post("/w", "x"));
  worker.change_mode(Mode::backup_readonly);
  worker.primary().last().send(reply(200, "done"));
  worker.run();
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counted().servers[0][0].pooled.get() == 0);
}

TEST_CASE("a write of which nothing was sent is judged again: refused by the new mode") {
  SimulatedWorker worker(one_server());
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(post("/w", "x=1"));
  worker.apply(Mode::backup_readonly);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 0);
  worker.run();
  CHECK(client.last().status() == 503);
  CHECK(client.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  CHECK(worker.observer.fenced.size() == 1);
  CHECK(worker.ledger.begun.empty());
  worker.primary().reach = MemoryServer::Reach::accepts;
  worker.run();
  CHECK(worker.primary().all_received().empty());
}

TEST_CASE("a write that was pulled but of which no byte was taken does not stay behind") {
  SimulatedWorker worker(one_server());
  worker.primary().on_connect = [](MemoryPeer& peer) { peer.connection().most_per_write = 0; };
  SimulatedClient& client = worker.ask(post("/w", "x=1"));
  REQUIRE(worker.writes_open() == 1);
  worker.change_mode(Mode::backup_readonly);
  CHECK(client.last().status() == 503);
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.primary().last().is_over());
  CHECK(worker.observer.fenced.size() == 1);
}

TEST_CASE("a read of which nothing was sent goes to the side that serves now") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(get("/r"));
  worker.change_mode(Mode::backup_readonly);
  CHECK(client.last().body == "backup GET /r ");
  CHECK_FALSE(client.last().has_field("Halfdoor-Served-By"));
}

TEST_CASE("a write waiting to be sent goes on under the new epoch where the new mode lets it") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.allow = {Rule::parse("POST /login").value()};
                          },
                          {}});
  worker.answer_everything();
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(post("/login", "", "Content-Type: text/plain\r\n"));
  worker.change_mode(Mode::primary_readonly);
  worker.primary().reach = MemoryServer::Reach::accepts;
  worker.run();
  CHECK(client.last().status() == 200);
  CHECK(client.last().field("Halfdoor-Mode") == "primary-readonly; epoch=2");
  REQUIRE(worker.ledger.begun.size() == 1);
  CHECK(worker.ledger.begun[0].epoch == 2);
}

TEST_CASE("a fallback read that waits while its side becomes the serving one is a fallback no more") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.primary().reach = MemoryServer::Reach::refuses_at_once;
  worker.backup().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(get("/r"));
  worker.change_mode(Mode::backup_readonly);
  worker.backup().reach = MemoryServer::Reach::accepts;
  worker.run();
  CHECK(client.last().body == "backup GET /r ");
  CHECK(client.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  CHECK_FALSE(client.last().has_field("Halfdoor-Served-By"));
}

TEST_CASE("promote lets writes pass to the backup and to nowhere else") {
  SimulatedWorker worker(one_server(Mode::backup_readonly));
  worker.answer_everything();
  CHECK(worker.ask(post("/w", "x")).last().status() == 503);
  worker.change_mode(Mode::backup_writable);
  CHECK(worker.ask(post("/w", "x")).last().body == "backup POST /w x");
  CHECK(worker.primary().connection_count() == 0);
  REQUIRE(worker.ledger.begun.size() == 1);
  CHECK(worker.ledger.begun[0].side == Side::backup);
}

TEST_CASE("another service does not notice a switch") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].hosts = {"salon.example"};
                            ServiceConfig other = config.services[0];
                            other.name = "other";
                            other.hosts = {"other.example"};
                            other.sides[0].servers = {{"10.1.0.1:80", Address::parse("10.1.0.1:80").value()}};
                            config.services.push_back(other);
                          },
                          {}});
  std::vector<SimulatedClient*> clients;
  // More often than snapshots are kept, each held by a write of the other service.
  for (int i = 0; i < 20; ++i) {
    clients.push_back(&worker.ask("POST /w HTTP/1.1\r\nHost: other.example\r\nContent-Length: 1\r\n\r\nx"));
    worker.change_mode(i % 2 ? Mode::primary : Mode::backup_readonly);
  }
  CHECK(worker.observer.fenced.size() == 20);
  CHECK(worker.ledger.uncertain.empty());
  worker.advance(11'000);
  MemoryServer& server = worker.network.server("10.1.0.1:80");
  for (size_t i = 0; i < server.connection_count(); ++i) server.connection(i).send(reply(200, "done"));
  worker.run();
  for (SimulatedClient* client : clients) {
    CHECK(client->last().body == "done");
    CHECK_FALSE(client->last().has_field("Halfdoor-Mode"));
  }
}

TEST_CASE("at most eight snapshots stay alive, and what still holds an older one is ended and named") {
  SimulatedWorker worker(one_server());
  std::vector<std::weak_ptr<const Snapshot>> all;
  std::vector<SimulatedClient*> clients;
  for (int i = 0; i < 12; ++i) {
    all.push_back(worker.snapshot);
    clients.push_back(&worker.ask(post("/" + std::to_string(i), "x")));
    worker.change_mode(Mode::primary);
  }
  size_t alive = 0;
  for (const auto& snapshot : all) alive += snapshot.expired() ? 0 : 1;
  CHECK(alive == 7);
  REQUIRE(worker.ledger.uncertain.size() == 5);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(worker.ledger.uncertain[i].entry.path == "/" + std::to_string(i));
    CHECK(clients[i]->last().status() == 502);
  }
  CHECK(clients[5]->messages().empty());
}

TEST_CASE("what is cut for an old snapshot does not make a side fenced before the new one is applied") {
  SimulatedWorker worker(one_server());
  for (int i = 0; i < 9; ++i) {
    worker.ask(post("/" + std::to_string(i), "x"));
    worker.change_mode(i < 8 ? Mode::primary : Mode::primary_readonly);
  }
  const auto applied = std::find(worker.observer.order.begin(), worker.observer.order.end(), "applied 10");
  const auto fenced = std::find(worker.observer.order.begin(), worker.observer.order.end(), "fenced 0:10");
  CHECK(applied != worker.observer.order.end());
  CHECK(fenced == worker.observer.order.end());
  worker.advance(10'100);
  CHECK(worker.observer.order.back() == "fenced 0:10");
}

TEST_CASE("a long download does not keep an old snapshot alive") {
  SimulatedWorker worker(one_server());
  worker.ask(get("/download"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.run();
  const std::weak_ptr<const Snapshot> first = worker.snapshot;
  worker.change_mode(Mode::primary_readonly);
  CHECK(first.expired());
}

TEST_CASE("a read that fails after a switch is judged by the mode of now") {
  SimulatedWorker worker(one_server());
  worker.backup().answer = echo("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  worker.change_mode(Mode::closed);
  worker.primary().last().reset();
  worker.run();
  CHECK(client.last().status() == 503);
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("the second guard has never anything to do") {
  SimulatedWorker worker;
  worker.answer_everything();
  for (int i = 0; i < 100; ++i) {
    SimulatedClient& client = worker.connect();
    client.send(i % 2 ? get("/g") : post("/p", "x"));
    if (i % 3 == 0) worker.turn();
    if (i % 5 == 0) worker.turn();
    worker.apply(kModes[static_cast<size_t>(i) * 7 % kModes.size()]);
    worker.run();
    CHECK(client.messages().size() == 1);
  }
  CHECK(worker.counted().second_guard.get() == 0);
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.violations.empty());
}
