// WebSocket: what goes through a tunnel, and what ends it.
#include <catch2/catch.hpp>

#include "tunnel_fixture.h"

using namespace halfdoor;

TEST_CASE("the list of exchanges shows a tunnel and what went through it") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  client.send("12345");
  worker.primary().last().send("123");
  worker.run();
  const auto exchanges = worker.core->list_exchanges();
  REQUIRE(exchanges.size() == 1);
  CHECK(exchanges[0].state == "tunnel");
  CHECK(exchanges[0].side == "primary");
  CHECK(exchanges[0].path == "/live");
  CHECK(exchanges[0].bytes_in == 5);
  CHECK(exchanges[0].bytes_out == 3);
}

TEST_CASE("the end of one direction is passed on behind what is queued, and the other goes on") {
  const bool client_first = GENERATE(true, false);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  MemoryPeer& first = client_first ? client.peer : server;
  MemoryPeer& second = client_first ? server : client.peer;
  second.stop_reading();
  first.send(std::string(200'000, 'a'));
  first.finish();
  worker.run();
  CHECK_FALSE(second.saw_end());
  second.send("still here");
  worker.run();
  CHECK(behind_head(first) == "still here");
  second.read_on();
  worker.run();
  CHECK(behind_head(second) == std::string(200'000, 'a'));
  CHECK(second.saw_end());
  CHECK_FALSE(first.is_over());
  CHECK(worker.counted().tunnels.get() == 1);
  second.send("bye");
  second.finish();
  worker.run();
  CHECK(behind_head(first) == "still herebye");
  CHECK(first.saw_end());
  CHECK_FALSE(first.saw_reset());
  CHECK_FALSE(second.saw_reset());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.counted().tunnels.get() == 0);
  CHECK(worker.counted().responses[1].get() == 1);
}

TEST_CASE("a reset on one side of a tunnel is a reset on the other") {
  const bool by_client = GENERATE(true, false);
  const bool after_half_close = GENERATE(true, false);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  MemoryPeer& breaks = by_client ? client.peer : server;
  MemoryPeer& other = by_client ? server : client.peer;
  if (after_half_close) breaks.finish();
  worker.run();
  breaks.reset();
  worker.run();
  CHECK(other.saw_reset());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.counted().tunnels.get() == 0);
}

TEST_CASE("a client that resets while its server takes nothing is noticed at once") {
  SimulatedWorker worker(one_server_each());
  worker.primary().to_server_capacity = 4096;
  SimulatedClient& client = open_tunnel(worker);
  worker.primary().last().stop_reading();
  client.peer.send_filler(500'000);
  worker.run();
  client.peer.reset();
  worker.run();
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("a tunnel holds back whoever sends faster than the other side reads") {
  const bool from_client = GENERATE(true, false);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  MemoryPeer& fast = from_client ? client.peer : server;
  MemoryPeer& slow = from_client ? server : client.peer;
  slow.stop_reading();
  slow.count_only();
  fast.send_filler(10'000'000);
  worker.run();
  CHECK(fast.has_unsent());
  CHECK(worker.core->blocks().in_use() < 16);
  // The other direction is not held up by it.
  slow.send("quick");
  worker.run();
  CHECK(behind_head(fast) == "quick");
  slow.read_on();
  worker.run();
  CHECK(slow.received_bytes() >= 10'000'000);
  CHECK_FALSE(fast.has_unsent());
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("megabytes go both ways at the same time, in small writes") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  client.peer.connection().most_per_write = 1000;
  server.connection().most_per_write = 777;
  client.peer.count_only();
  server.count_only();
  const uint64_t before_client = client.peer.received_bytes();
  const uint64_t before_server = server.received_bytes();
  client.peer.send_filler(2'000'000);
  server.send_filler(3'000'000);
  worker.run();
  CHECK(client.peer.received_bytes() - before_client == 3'000'000);
  CHECK(server.received_bytes() - before_server == 2'000'000);
  client.peer.finish();
  server.finish();
  worker.run();
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("a client that does not read for timeouts.client_write is reset, and its server released") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  client.peer.stop_reading();
  worker.primary().last().send_filler(1'000'000);
  worker.advance(29'000);
  CHECK_FALSE(client.is_over());
  worker.advance(1'500);
  CHECK(client.peer.saw_reset());
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.counted().tunnels.get() == 0);
}

TEST_CASE("a tunnel ends when no byte has gone either way for timeouts.tunnel_idle") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.timeouts.tunnel_idle = Milliseconds(120'000);
                          },
                          {}});
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  // Any one direction keeps it open: longer than every timeout of a response or a request.
  for (int i = 0; i < 3; ++i) {
    worker.advance(110'000);
    client.send("c");
    worker.run();
  }
  for (int i = 0; i < 3; ++i) {
    worker.advance(110'000);
    server.send("s");
    worker.run();
  }
  worker.advance(119'000);
  CHECK_FALSE(client.is_over());
  worker.advance(1'100);
  CHECK(server.saw_end());
  CHECK_FALSE(server.saw_reset());
  CHECK(client.peer.saw_end());
  CHECK(worker.counted().tunnels.get() == 0);
  client.peer.finish();
  worker.run();
  CHECK_FALSE(client.peer.saw_reset());
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("a tunnel that is idle holds no memory for bytes") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  client.send("x");
  worker.primary().last().send("y");
  worker.run();
  CHECK(behind_head(client.peer) == "y");
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("an exchange that was a tunnel is as new for its next user") {
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  client.send("x");
  client.peer.finish();
  worker.primary().last().finish();
  worker.run();
  REQUIRE(worker.counters.exchanges.get() == 0);
  worker.primary().answer = [](const WireMessage& request, MemoryPeer&) { return reply(200, request.body); };
  SimulatedClient& next = worker.ask(post("/w", "body"));
  CHECK(next.last().body == "body");
  CHECK(worker.ledger.begun.size() == 1);
  CHECK(worker.writes_open() == 0);
}

TEST_CASE("the access log says who ended a tunnel, and what went through it") {
  struct Row {
    int how;
    Outcome outcome;
    EndedBy by;
  };
  const Row row = GENERATE(values<Row>({{0, Outcome::relayed, EndedBy::client},
                                        {1, Outcome::relayed, EndedBy::server},
                                        {2, Outcome::left, EndedBy::client},
                                        {3, Outcome::cut, EndedBy::server},
                                        {4, Outcome::cut, EndedBy::mode_switch},
                                        {5, Outcome::cut, EndedBy::stop},
                                        {6, Outcome::cut, EndedBy::timeout},
                                        {7, Outcome::cut, EndedBy::timeout}}));
  INFO(row.how);
  SimulatedWorker worker(one_server_each());
  SimulatedClient& client = open_tunnel(worker);
  MemoryPeer& server = worker.primary().last();
  client.send("12345");
  server.send("123");
  worker.run();
  if (row.how < 2) {
    (row.how == 0 ? client.peer : server).finish();
    worker.run();
    (row.how == 0 ? server : client.peer).finish();
  }
  if (row.how == 2) client.peer.reset();
  if (row.how == 3) server.reset();
  if (row.how == 4) worker.apply(Mode::backup_readonly);
  if (row.how == 5) worker.core->begin_stop(Milliseconds(5'000));
  if (row.how == 4 || row.how == 5) worker.advance(1'500);
  if (row.how == 6) worker.advance(3'600'500);
  if (row.how == 7) {
    client.peer.stop_reading();
    server.send_filler(1'000'000);
    worker.advance(31'000);
  }
  worker.run();
  REQUIRE(worker.access_log.lines.size() == 1);
  const AccessRecord& record = worker.access_log.lines[0].record;
  CHECK(to_text(record.outcome) == to_text(row.outcome));
  CHECK(to_text(record.ended_by) == to_text(row.by));
  CHECK(record.status == 101);
  CHECK(record.server_status == 101);
  CHECK(record.bytes_in == 5);
  CHECK(record.wire_in == handshake().size() + 5);
  if (row.how != 7) CHECK(record.bytes_out == 3);
  CHECK(record.attempts == 1);
}
