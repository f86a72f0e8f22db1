// Every deadline of the data path, towards clients and servers.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

}  // namespace

TEST_CASE("a connection on which no byte comes is closed silently after timeouts.request_head") {
  SimulatedWorker worker;
  SimulatedClient& client = worker.connect();
  worker.advance(9'900);
  CHECK_FALSE(client.is_over());
  worker.advance(200);
  CHECK(client.peer.saw_end());
  CHECK(client.peer.received().empty());
}

TEST_CASE("a head has ten seconds, however busily it dribbles") {
  const bool is_first = GENERATE(true, false);
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  if (!is_first) {
    client.send(get("/1"));
    worker.run();
    worker.advance(20'000);
  }
  client.send("GET /slow HTTP/1.1\r\n");
  for (int i = 0; i < 99; ++i) {
    client.send("X: 1\r\n");
    worker.advance(100);
  }
  CHECK_FALSE(client.is_over());
  CHECK(client.messages().size() == (is_first ? 0 : 1));
  worker.advance(1500);
  CHECK(client.last().status() == 408);
  CHECK(client.is_over());
  worker.advance(1500);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("an idle connection is closed after timeouts.keep_alive, silently") {
  SimulatedWorker worker;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.advance(59'900);
  CHECK_FALSE(client.is_over());
  worker.advance(200);
  CHECK(client.peer.saw_end());
  CHECK(client.messages().size() == 1);
}

TEST_CASE("a body that stops for thirty seconds is answered 408") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nfirst");
  worker.advance(29'000);
  CHECK(client.messages().empty());
  worker.advance(2000);
  CHECK(client.last().status() == 408);
  worker.advance(1500);
  CHECK(client.is_over());
  CHECK(worker.ledger.uncertain.size() == 1);
  CHECK(worker.primary().last().saw_reset());
}

TEST_CASE("a body under 1 KiB/s over ten seconds is answered 408") {
  const size_t bytes_per_second = GENERATE(900, 1200);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  for (int i = 0; i < 100; ++i) {
    client.send(std::string(bytes_per_second / 5, 'x'));
    worker.advance(200);
  }
  CHECK(client.messages().size() == (bytes_per_second == 900 ? 1 : 0));
  if (bytes_per_second == 900) CHECK(client.last().status() == 408);
}

TEST_CASE("a body that comes a byte at a time just before each look is answered 408") {
  const int64_t silence_ms = GENERATE(30'000, 5'000);
  SimulatedWorker worker({[&](Config& config) { config.timeouts.request_body = Milliseconds(silence_ms); }, {}});
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  // Fast enough for the first window, so that the looks that follow are at odd times.
  worker.advance(3'000);
  client.send(std::string(11'000, 'x'));
  for (int64_t waited_ms = 0; waited_ms < 120'000 && client.messages().empty(); waited_ms += silence_ms - 1'000) {
    worker.advance(silence_ms - 1'000);
    client.send("x");
  }
  CHECK(client.last().status() == 408);
}

TEST_CASE("a body that we stopped to read is not called slow") {
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 1000;
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
  worker.primary().last().stop_reading();
  while (client.peer.connection().to_proxy.size() < 3000) {
    client.send(std::string(1000, 'x'));
    worker.run();
  }
  worker.advance(19'900);
  // Just before the window is looked at there is room for a little, and the client's next bytes are on their way.
  worker.primary().last().read_on();
  worker.run();
  REQUIRE(client.peer.connection().to_proxy.empty());
  worker.advance(8'000);
  CHECK(client.messages().empty());
  CHECK_FALSE(client.is_over());
}

TEST_CASE("a client that reads nothing for thirty seconds is reset and its server released") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect();
  client.peer.stop_reading();
  client.send(get("/big"));
  worker.run();
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
  worker.primary().last().send_filler(10'000'000);
  worker.advance(29'000);
  CHECK_FALSE(client.is_over());
  client.peer.read_at_most(1);
  worker.advance(29'000);
  CHECK_FALSE(client.is_over());
  worker.advance(2000);
  CHECK(client.peer.saw_reset());
  CHECK(worker.primary().last().is_over());
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("a connection that is not made within timeouts.connect is given up") {
  SimulatedWorker worker(one_server());
  worker.backup().answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "backup"); };
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& reader = worker.ask(get("/r"));
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  worker.advance(2'900);
  CHECK(reader.messages().empty());
  worker.advance(200);
  CHECK(reader.last().body == "backup");
  CHECK(writer.last().status() == 504);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.counted().servers[0][0].connect_failures.get() == 2);
}

TEST_CASE("a read whose server says nothing is answered 504 after timeouts.first_byte") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/r"));
  worker.advance(59'900);
  CHECK(client.messages().empty());
  worker.advance(300);
  CHECK(client.last().status() == 504);
  CHECK(client.last().has_field("Retry-After"));
  CHECK(worker.primary().last().is_over());
  CHECK_FALSE(client.is_over());
}

TEST_CASE("the first byte is awaited from the end of the request, not while the client is still sending it") {
  SimulatedWorker worker({[](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            config.timeouts.first_byte = Milliseconds(5'000);
                          },
                          {}});
  SimulatedClient& client = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  worker.advance(20'000);
  REQUIRE(client.messages().empty());
  client.send("67890");
  worker.run();
  worker.advance(4'900);
  CHECK(client.messages().empty());
  worker.advance(300);
  CHECK(client.last().status() == 504);
}

TEST_CASE("a server that takes no byte of a request for timeouts.first_byte is given up") {
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 1000;
  SimulatedClient& client = worker.connect();
  client.send("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  worker.run();
  worker.primary().last().stop_reading();
  client.peer.send_filler(1'000'000);
  worker.advance(61'000);
  CHECK(client.last().status() == 504);
  CHECK(worker.ledger.uncertain.size() == 1);
}

TEST_CASE("a response that stops for timeouts.response_body is cut") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/r"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  worker.advance(50'000);
  worker.primary().last().send("def");
  worker.advance(59'000);
  CHECK_FALSE(client.is_over());
  worker.advance(1200);
  CHECK(client.is_over());
  CHECK(client.last().is_cut);
}

TEST_CASE("an event stream may be silent for an hour") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(get("/events"));
  worker.primary().last().send(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
  worker.advance(3'500'000);
  CHECK_FALSE(client.is_over());
  worker.primary().last().send("5\r\ndata:\r\n");
  worker.run();
  CHECK(client.peer.received().ends_with("5\r\ndata:\r\n"));
  worker.advance(3'590'000);
  CHECK_FALSE(client.is_over());
  worker.advance(11'000);
  CHECK(client.is_over());
}

TEST_CASE("a lingering close lasts a second and 64 KiB") {
  const bool is_busy = GENERATE(true, false);
  SimulatedWorker worker;
  SimulatedClient& client = worker.ask("BAD\r\n\r\n");
  CHECK(client.last().status() == 400);
  CHECK(client.peer.saw_end());
  CHECK(worker.counters.connections.get() == 1);
  if (is_busy) client.peer.send_filler(70'000);
  worker.run();
  CHECK(worker.counters.connections.get() == (is_busy ? 0 : 1));
  worker.advance(1100);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("an idle pooled connection is closed after timeouts.pool_idle") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  worker.ask(get("/1"));
  worker.advance(3'900);
  CHECK(worker.counted().servers[0][0].pooled.get() == 1);
  worker.advance(200);
  CHECK(worker.counted().servers[0][0].pooled.get() == 0);
  CHECK(worker.primary().last().saw_end());
}

TEST_CASE("after a long stop deadlines are looked at before anything is sent") {
  SimulatedWorker worker(one_server());
  worker.primary().reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(post("/w", "x"));
  // The process was stopped for an hour; the first turn after it sees the connection and the time together.
  worker.primary().reach = MemoryServer::Reach::accepts;
  worker.wheel.set_now(worker.wheel.now_ms() + 3'600'000);
  worker.run();
  CHECK(worker.primary().all_received().empty());
  CHECK(client.last().status() == 504);
  CHECK(worker.ledger.begun.empty());
}
