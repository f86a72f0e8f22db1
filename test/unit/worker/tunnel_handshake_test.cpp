// WebSocket: what opens a tunnel, and what does not.
#include <catch2/catch.hpp>

#include "tunnel_fixture.h"

using namespace halfdoor;

TEST_CASE("a handshake that is granted opens a tunnel for bytes both ways") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client =
      worker.ask(handshake("/live?room=1", "Sec-WebSocket-Protocol: chat\r\nOrigin: http://a\r\n"));
  MemoryPeer& server = worker.primary().last();
  const auto request = cut_message(server.received(), {});
  REQUIRE(request);
  CHECK(request->start_line == "GET /live?room=1 HTTP/1.1");
  CHECK(request->field("Connection") == "Upgrade");
  CHECK(request->field("Upgrade") == "websocket");
  CHECK(request->field("Sec-WebSocket-Key") == "dGhlIHNhbXBsZSBub25jZQ==");
  CHECK(request->field("Sec-WebSocket-Version") == "13");
  CHECK(request->field("Sec-WebSocket-Protocol") == "chat");
  CHECK(request->field("Origin") == "http://a");
  server.send(kSwitching);
  worker.run();
  CHECK(client.last().status() == 101);
  CHECK(client.last().field("Connection") == "Upgrade");
  CHECK(client.last().field("Upgrade") == "websocket");
  CHECK(client.last().field("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK_FALSE(client.last().has_field("Content-Length"));
  CHECK_FALSE(client.last().has_field("Transfer-Encoding"));
  CHECK(worker.counted().tunnels.get() == 1);

  client.send("ping");
  worker.run();
  CHECK(behind_head(server) == "ping");
  server.send("pong");
  worker.run();
  CHECK(behind_head(client.peer) == "pong");
  // It is no HTTP any more, whatever it looks like.
  client.send(get("/smuggled") + post("/w", "x"));
  server.send(reply(200, "x"));
  worker.run();
  CHECK(behind_head(server) == "ping" + get("/smuggled") + post("/w", "x"));
  CHECK(behind_head(client.peer) == "pong" + reply(200, "x"));
  CHECK(worker.ledger.begun.empty());
}

TEST_CASE("no byte of a client goes on before the 101") {
  const bool in_one_piece = GENERATE(true, false);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.connect();
  if (in_one_piece) {
    client.send(handshake() + "early frames");
  } else {
    client.send(handshake());
    worker.run();
    client.send("early frames");
  }
  worker.advance(1'000);
  MemoryPeer& server = worker.primary().last();
  CHECK(behind_head(server).empty());
  // Nor before the head of the 101 is complete.
  server.send(kSwitching.substr(0, kSwitching.size() - 1));
  worker.run();
  CHECK(behind_head(server).empty());
  server.send(kSwitching.substr(kSwitching.size() - 1));
  worker.run();
  CHECK(behind_head(server) == "early frames");
}

TEST_CASE("early bytes are held within bounds") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 8192);
  client.send(handshake());
  client.peer.send_filler(1'000'000);
  worker.advance(1'000);
  CHECK(client.peer.has_unsent());
  CHECK(worker.core->blocks().in_use() < 8);
  worker.primary().last().send(kSwitching);
  worker.run();
  CHECK(behind_head(worker.primary().last()).size() == 1'000'000);
}

TEST_CASE("what a server sends right behind its 101 reaches the client") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(handshake());
  worker.primary().last().send(kSwitching + "hello");
  worker.run();
  CHECK(behind_head(client.peer) == "hello");
}

TEST_CASE("an interim response may come before the 101") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(handshake());
  worker.primary().last().send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kSwitching);
  worker.run();
  const auto messages = client.messages();
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].status() == 103);
  CHECK(messages[1].status() == 101);
  CHECK(worker.counted().tunnels.get() == 1);
}

TEST_CASE("a handshake never takes a pooled connection, and a tunnel never goes back to the pool") {
  SimulatedWorker worker(one_server_each());
  worker.primary().answer = [](const WireMessage& request, MemoryPeer&) {
    return request.target() == "/live" ? kSwitching : reply(200, "x");
  };
  worker.ask(get("/1"));
  REQUIRE(worker.primary().connection_count() == 1);
  SimulatedClient& client = worker.ask(handshake());
  CHECK(client.last().status() == 101);
  CHECK(worker.primary().connection_count() == 2);
  client.peer.finish();
  worker.primary().last().finish();
  worker.run();
  CHECK(worker.counted().tunnels.get() == 0);
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.connections.get() == 1);
}

TEST_CASE("a handshake that is not granted is a plain exchange, and what the client sent early is its next request") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.connect();
  client.send(handshake() + get("/next"));
  worker.run();
  worker.primary().last().send(reply(426, "13 only", "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"));
  worker.run();
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 426);
  CHECK(client.last().field("Sec-WebSocket-Version") == "13");
  CHECK(client.last().body == "13 only");
  worker.primary().last().send(reply(200, "next"));
  worker.run();
  CHECK(client.last().body == "next");
  CHECK(worker.counted().tunnels.get() == 0);
}

TEST_CASE("a write pipelined behind a handshake that was not granted is judged by the mode of then") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.connect();
  client.send(handshake() + post("/w", "x"));
  worker.run();
  worker.change_mode(Mode::primary_readonly);
  worker.primary().last().send(reply(404, "no"));
  worker.run();
  REQUIRE(client.messages().size() == 2);
  CHECK(client.messages()[0].status() == 404);
  CHECK(client.messages()[1].status() == 503);
  CHECK(worker.primary().all_received().find("POST") == std::string::npos);
}

TEST_CASE("frames behind a handshake that was not granted are no request") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.connect();
  client.send(handshake() + "\x81\x05hello");
  worker.run();
  worker.primary().last().send(reply(200, "no"));
  worker.run();
  REQUIRE(client.messages().size() == 2);
  CHECK(client.messages()[1].status() == 400);
  CHECK(client.is_over());
}

TEST_CASE("an ill-formed handshake is answered 400 and asks no server") {
  const std::string fields = GENERATE(
      std::string("Upgrade: websocket\r\n"), std::string("Connection: upgrade\r\nUpgrade: websocket\r\n"),
      kHandshakeFields + "Content-Length: 5\r\n", kHandshakeFields + "Transfer-Encoding: chunked\r\n",
      kHandshakeFields + "Upgrade: h2c\r\n", kHandshakeFields + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
  const Mode mode = GENERATE(Mode::primary, Mode::backup_writable);
  SimulatedWorker worker(one_server_each(mode));
  SimulatedClient& client = worker.ask(get("/live", fields) + post("/w", "x"));
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 400);
  CHECK(client.last().field("Connection") == "close");
  worker.advance(1'500);
  CHECK(client.is_over());
  CHECK(worker.primary().connection_count() + worker.backup().connection_count() == 0);
  CHECK(worker.counted().refused.get() == 0);
}

TEST_CASE("a handshake by another method or in HTTP/1.0 is ill-formed") {
  const std::string line =
      GENERATE(as<std::string>(), "POST /live HTTP/1.1", "HEAD /live HTTP/1.1", "GET /live HTTP/1.0");
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(line + "\r\nHost: a\r\n" + kHandshakeFields + "\r\n");
  CHECK(client.last("H").status() == 400);
  CHECK(worker.primary().connection_count() == 0);
}

TEST_CASE("a 101 that is not the one asked for is answered 502 and its connection ended") {
  const std::string response =
      GENERATE(as<std::string>(), "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
               "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
               "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
               "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
               "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n");
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.connect();
  client.send(handshake() + get("/next"));
  worker.run();
  MemoryPeer& server = worker.primary().last();
  server.send(response + "frames");
  worker.run();
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().status() == 502);
  CHECK(server.is_over());
  CHECK(server.received().find("/next") == std::string::npos);
  CHECK(worker.counted().tunnels.get() == 0);
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("a 101 that comes before the handshake was sent whole opens nothing") {
  SimulatedWorker worker(one_server_each());
  worker.primary().to_server_capacity = 100;
  worker.primary().on_connect = [](MemoryPeer& peer) { peer.read_at_most(50); };
  SimulatedClient& client = worker.ask(handshake("/live", "X-Long: " + std::string(1'000, 'x') + "\r\n") + "early");
  worker.primary().last().send(kSwitching + "frames");
  worker.run();
  CHECK(client.messages().size() == 1);
  CHECK(client.last().status() == 502);
  CHECK(worker.primary().last().is_over());
  CHECK(worker.primary().all_received().find("early") == std::string::npos);
}

TEST_CASE("a handshake that was sent is not sent again, and is no write") {
  const int fault = GENERATE(0, 1, 2);
  SimulatedWorker worker;
  SimulatedClient& client = worker.ask(handshake());
  // Another server of the side would take it.
  MemoryServer& asked = worker.primary(worker.primary(0).connection_count() > 0 ? 0 : 1);
  if (fault == 0) asked.last().close();
  if (fault == 1) asked.last().reset();
  if (fault == 2) worker.advance(60'100);
  worker.run();
  CHECK(client.last().status() == (fault == 2 ? 504 : 502));
  CHECK(worker.primary(0).connection_count() + worker.primary(1).connection_count() == 1);
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.ledger.begun.empty());
  CHECK(worker.counted().uncertain.get() == 0);
}

TEST_CASE("a handshake of which no byte was sent tries the next server of its side, never the other side") {
  SimulatedWorker worker;
  worker.primary(0).reach = MemoryServer::Reach::refuses_later;
  worker.primary(1).reach = MemoryServer::Reach::refuses_at_once;
  SimulatedClient& client = worker.ask(handshake());
  CHECK(client.last().status() == 502);
  CHECK(worker.backup().connection_count() == 0);
  worker.primary(1).reach = MemoryServer::Reach::accepts;
  worker.primary(1).answer = [](const WireMessage&, MemoryPeer&) { return kSwitching; };
  CHECK(worker.ask(handshake()).last().status() == 101);
}

TEST_CASE("a handshake on a path that a deny rule names is a write") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.deny = {Rule::parse("GET /live").value()};
                          },
                          {}});
  worker.ask(handshake());
  REQUIRE(worker.ledger.open.size() == 1);
  SECTION("settled by the 101") {
    worker.primary().last().send(kSwitching);
    worker.run();
    CHECK(worker.ledger.open.empty());
    CHECK(worker.ledger.uncertain.empty());
    CHECK(worker.counted().tunnels.get() == 1);
  }
  SECTION("uncertain without an answer") {
    worker.primary().last().reset();
    worker.run();
    CHECK(worker.ledger.uncertain.size() == 1);
  }
}

TEST_CASE("the outcome of a handshake that is a write is waited for when its client has left") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.services[0].read_only.deny = {Rule::parse("GET /live").value()};
                          },
                          {}});
  SimulatedClient& client = worker.ask(handshake());
  client.peer.reset();
  worker.run();
  CHECK(worker.ledger.open.size() == 1);
  worker.primary().last().send(kSwitching + "frames");
  worker.run();
  CHECK(worker.ledger.open.empty());
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counted().tunnels.get() == 0);
}

TEST_CASE("a client that leaves before the 101 ends the attempt at once") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = worker.ask(handshake());
  client.peer.reset();
  worker.run();
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counters.exchanges.get() == 0);
}
