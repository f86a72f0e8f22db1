// Tunnels at a change of mode and at a graceful stop: none outlives the drain on a side that takes no writes.
#include <catch2/catch.hpp>

#include "tunnel_fixture.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options with_websocket(Mode mode) { return one_server_each(mode, /*websocket=*/true); }

// Keeps bytes flowing, so that the tunnel is never quiet.
void chat(SimulatedWorker& worker, SimulatedClient& client, int64_t ms) {
  for (int64_t passed = 0; passed < ms; passed += 500) {
    client.send("c");
    worker.advance(500);
  }
}

}  // namespace

TEST_CASE("a quiet tunnel ends a second after the switch, and only then is the side fenced") {
  const Mode mode = GENERATE(Mode::backup_readonly, Mode::primary_readonly, Mode::closed);
  const bool websocket = GENERATE(false, true);
  SimulatedWorker worker(one_server_each(Mode::primary, websocket));
  SimulatedClient& client = open_tunnel(worker);
  worker.advance(60'000);
  worker.change_mode(mode);
  REQUIRE(worker.observer.applied.size() == 1);
  CHECK(worker.observer.applied[0].services[0].writes_draining == 0);
  CHECK(worker.observer.applied[0].services[0].others_draining == 1);
  worker.advance(900);
  CHECK(worker.observer.fenced.empty());
  CHECK_FALSE(worker.primary().last().is_over());
  worker.advance(200);
  CHECK(worker.primary().last().saw_reset());
  CHECK(client.peer.saw_end());
  CHECK_FALSE(client.peer.saw_reset());
  CHECK(worker.observer.fenced.size() == 1);
  CHECK(worker.counted().tunnels.get() == 0);
  CHECK(worker.ledger.begun.empty());
}

TEST_CASE("a tunnel on which bytes go, either way, ends at the end of the drain and not later") {
  const bool from_client = GENERATE(true, false);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  worker.change_mode(Mode::backup_readonly);
  for (int i = 0; i < 19; ++i) {
    (from_client ? client.peer : server).send("x");
    worker.advance(500);
  }
  CHECK_FALSE(server.is_over());
  CHECK(worker.observer.fenced.empty());
  CHECK(behind_head(from_client ? server : client.peer).size() == 19);
  (from_client ? client.peer : server).send("x");
  worker.advance(600);
  CHECK(server.saw_reset());
  CHECK(client.peer.saw_end());
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].cut == 1);
  CHECK(worker.observer.fenced[0].writes_uncertain == 0);
}

TEST_CASE("a tunnel that falls silent during the drain ends a second later") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.change_mode(Mode::backup_readonly);
  chat(worker, client, 3'000);
  worker.advance(400);
  CHECK(worker.observer.fenced.empty());
  worker.advance(300);
  CHECK(worker.observer.fenced.size() == 1);
}

TEST_CASE("what is queued for the server when a tunnel is ended goes no further") {
  SimulatedWorker worker(one_server_each());
  worker.primary().to_server_capacity = 1 << 20;
  SimulatedClient& client = open_tunnel(worker);
  worker.primary().last().stop_reading();
  client.send(std::string(50'000, 'w'));
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  REQUIRE(worker.primary().last().connection().to_peer.size() == 50'000);
  size_t queued_when_fenced = 1;
  worker.observer.on_fenced_hook = [&] {
    queued_when_fenced = worker.primary().last().connection().to_peer.size();
    CHECK(worker.primary().last().connection().stream == nullptr);
  };
  worker.advance(1'200);
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(queued_when_fenced == 0);
}

TEST_CASE("a client gets to read what its server had sent before the switch") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  client.peer.stop_reading();
  worker.primary().last().send(std::string(80'000, 'r'));
  worker.run();
  worker.change_mode(Mode::closed);
  worker.advance(1'200);
  CHECK(worker.observer.fenced.size() == 1);
  client.peer.read_on();
  client.send("too late");
  worker.run();
  CHECK(behind_head(client.peer) == std::string(80'000, 'r'));
  CHECK(client.peer.saw_end());
  CHECK_FALSE(client.peer.saw_reset());
}

TEST_CASE("a client that does not read holds up neither the fence nor the worker") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  client.peer.stop_reading();
  worker.primary().last().send_filler(1'000'000);
  worker.run();
  worker.change_mode(Mode::backup_readonly);
  worker.advance(1'200);
  CHECK(worker.observer.fenced.size() == 1);
  worker.advance(30'000);
  CHECK(client.peer.saw_reset());
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("a tunnel whose side takes writes again goes on") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.change_mode(Mode::primary_readonly);
  chat(worker, client, 1'500);
  worker.change_mode(Mode::primary);
  CHECK(worker.observer.order == std::vector<std::string>{"applied 2", "applied 3", "fenced 0:3"});
  worker.advance(30'000);
  client.send("still");
  worker.run();
  CHECK(behind_head(worker.primary().last()) == "cccstill");
  CHECK_FALSE(client.is_over());
}

TEST_CASE("several changes in a row do not prolong the drain of a tunnel") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.change_mode(Mode::primary_readonly);
  chat(worker, client, 4'000);
  worker.change_mode(Mode::backup_readonly);
  chat(worker, client, 3'000);
  worker.change_mode(Mode::closed);
  CHECK(worker.observer.fenced.empty());
  chat(worker, client, 2'500);
  CHECK(worker.observer.fenced.empty());
  chat(worker, client, 1'000);
  CHECK(worker.primary().last().saw_reset());
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].epoch == 4);
}

TEST_CASE("with websocket = true the client opens a new tunnel, where the mode has it") {
  SimulatedWorker worker(with_websocket(Mode::primary));
  open_tunnel(worker);
  worker.change_mode(Mode::backup_readonly);
  SimulatedClient& again = open_tunnel(worker, Side::backup);
  CHECK(again.last().status() == 101);
  CHECK(again.last().field("Halfdoor-Mode") == "backup-readonly; epoch=2");
  worker.advance(1'200);
  CHECK(worker.observer.fenced.size() == 1);
  again.send("x");
  worker.advance(20'000);
  CHECK(behind_head(worker.backup().last()) == "x");
  CHECK_FALSE(again.is_over());
  // Opened while read-only, it may stay when writes pass again.
  worker.change_mode(Mode::backup_writable);
  worker.advance(20'000);
  CHECK_FALSE(again.is_over());
  worker.change_mode(Mode::backup_readonly);
  worker.advance(1'200);
  CHECK(again.is_over());
}

TEST_CASE("without websocket a handshake in read-only gets the notice, well-formed or not") {
  const Mode mode = GENERATE(Mode::primary_readonly, Mode::backup_readonly, Mode::closed);
  SimulatedWorker worker(one_server_each(mode));
  CHECK(worker.ask(handshake()).last().status() == 503);
  CHECK(worker.ask(get("/live", "Upgrade: websocket\r\n")).last().status() == 503);
  CHECK(worker.primary().connection_count() + worker.backup().connection_count() == 0);
}

TEST_CASE("with websocket = true a closed service refuses handshakes all the same") {
  SimulatedWorker worker(with_websocket(Mode::closed));
  CHECK(worker.ask(handshake()).last().status() == 503);
  CHECK(worker.primary().connection_count() + worker.backup().connection_count() == 0);
}

TEST_CASE("with websocket = true a handshake never falls back to the other side") {
  SimulatedWorker worker(with_websocket(Mode::primary_readonly));
  worker.primary().reach = MemoryServer::Reach::refuses_at_once;
  CHECK(worker.ask(handshake()).last().status() == 502);
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("a handshake of which nothing was sent is judged again at the switch") {
  const bool websocket = GENERATE(false, true);
  SimulatedWorker worker(one_server_each(Mode::primary, websocket));
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(handshake());
  CHECK(client.messages().empty());
  worker.change_mode(Mode::backup_readonly);
  CHECK(worker.observer.fenced.size() == 1);
  if (websocket) {
    CHECK(worker.backup().connection_count() == 1);
    worker.backup().last().send(kSwitching);
    worker.run();
    CHECK(client.last().status() == 101);
  } else {
    CHECK(client.last().status() == 503);
    CHECK(worker.backup().connection_count() == 0);
  }
}

TEST_CASE("a 101 that comes after the switch opens no tunnel") {
  const bool websocket = GENERATE(false, true);
  const Mode mode = GENERATE(Mode::primary_readonly, Mode::backup_readonly, Mode::closed);
  SimulatedWorker worker(one_server_each(Mode::primary, websocket));
  SimulatedClient& client = worker.ask(handshake("/live", "Accept: text/plain\r\n") + "early");
  worker.change_mode(mode);
  CHECK(worker.observer.fenced.empty());
  worker.primary().last().send(kSwitching + "frames");
  worker.run();
  REQUIRE(client.messages().size() >= 1);
  CHECK(client.messages()[0].status() == 503);
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.primary().all_received().find("early") == std::string::npos);
  CHECK(worker.observer.fenced.size() == 1);
  CHECK(worker.counted().tunnels.get() == 0);
}

TEST_CASE("a handshake that is refused after the switch is relayed, and its connection goes on") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(handshake());
  worker.change_mode(Mode::backup_readonly);
  worker.primary().last().send(reply(403, "no"));
  worker.run();
  CHECK(client.last().status() == 403);
  CHECK(worker.observer.fenced.size() == 1);
  CHECK_FALSE(client.is_over());
}

TEST_CASE("a handshake without an answer is cut at the end of the drain and not uncertain") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(handshake("/live", "Accept: text/plain\r\n"));
  worker.change_mode(Mode::backup_readonly);
  worker.advance(9'900);
  CHECK(client.messages().empty());
  worker.advance(200);
  CHECK(client.last().status() == 503);
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.ledger.uncertain.empty());
  REQUIRE(worker.observer.fenced.size() == 1);
  CHECK(worker.observer.fenced[0].writes_uncertain == 0);
}

TEST_CASE("a tunnel that ends by itself during the drain lets the fence be said at once") {
  const int who = GENERATE(0, 1, 2, 3);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  worker.change_mode(Mode::backup_readonly);
  if (who == 0) client.peer.reset();
  if (who == 1) server.reset();
  if (who == 2) {
    client.peer.finish();
    worker.run();
    CHECK(worker.observer.fenced.empty());
    server.finish();
  }
  if (who == 3) {
    server.finish();
    worker.run();
    CHECK(worker.observer.fenced.empty());
    client.peer.finish();
  }
  worker.run();
  CHECK(worker.observer.fenced.size() == 1);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("many tunnels are all ended by one switch") {
  SimulatedWorker worker(one_server_each());
  worker.primary().answer = [](const WireMessage&, MemoryPeer&) { return kSwitching; };
  std::vector<SimulatedClient*> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(&worker.ask(handshake()));
  CHECK(worker.counted().tunnels.get() == 200);
  worker.change_mode(Mode::backup_readonly);
  worker.advance(1'100);
  CHECK(worker.counted().tunnels.get() == 0);
  CHECK(worker.observer.fenced.size() == 1);
  for (const SimulatedClient* client : clients) CHECK(client->peer.saw_end());
}

TEST_CASE("tunnels do not keep snapshots alive") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  for (int i = 0; i < 20; ++i) worker.apply_same();
  worker.run();
  client.send("x");
  worker.run();
  CHECK(behind_head(worker.primary().last()) == "x");
}

TEST_CASE("a graceful stop ends quiet tunnels after a second") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.core->begin_stop(Milliseconds(10'000));
  worker.advance(900);
  CHECK_FALSE(client.is_over());
  worker.advance(200);
  CHECK(client.peer.saw_end());
  CHECK(worker.primary().last().is_over());
  client.peer.finish();
  worker.run();
  CHECK(worker.observer.stopped == std::vector<uint64_t>{0});
}

TEST_CASE("a graceful stop ends busy tunnels at server.drain") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.core->begin_stop(Milliseconds(4'000));
  chat(worker, client, 3'500);
  CHECK_FALSE(client.is_over());
  CHECK(worker.observer.stopped.empty());
  chat(worker, client, 1'000);
  CHECK(client.is_over());
  CHECK(worker.observer.stopped.size() == 1);
}

TEST_CASE("a switch during a graceful stop does not let a tunnel go on") {
  const Mode mode = GENERATE(Mode::primary_readonly, Mode::backup_readonly);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.core->begin_stop(Milliseconds(5'000));
  worker.change_mode(mode);
  chat(worker, client, 2'000);
  worker.change_mode(Mode::primary);
  chat(worker, client, 2'500);
  CHECK_FALSE(client.is_over());
  chat(worker, client, 1'000);
  CHECK(client.is_over());
  CHECK(worker.observer.stopped.size() == 1);
}

TEST_CASE("a 101 during a graceful stop opens no tunnel") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(handshake());
  worker.core->begin_stop(Milliseconds(5'000));
  worker.run();
  worker.primary().last().send(kSwitching);
  worker.run();
  CHECK(client.last().status() == 503);
  CHECK(client.is_over());
  CHECK(worker.observer.stopped.size() == 1);
}

TEST_CASE("stopping at once resets nobody's tunnel into silence") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  worker.core.reset();
  worker.network.pump();
  CHECK(client.is_over());
  CHECK(worker.primary().last().saw_reset());
}
