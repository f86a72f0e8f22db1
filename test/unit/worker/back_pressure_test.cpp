// Bodies of any size pass in bounded memory, and what was stopped goes on.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

constexpr uint64_t kGiB = 1 << 30;
// Pipe, output and the block being read, in each direction, with room for slices that share a block.
constexpr size_t kMostBlocks = 40;

SimulatedWorker::Options one_server() {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {}};
}

size_t run_watching_blocks(SimulatedWorker& worker) {
  size_t most = 0;
  while (worker.turn()) most = std::max(most, worker.core->blocks().in_use());
  return most;
}

}  // namespace

TEST_CASE("a response of 1 GiB passes in bounded memory") {
  const bool is_chunked = GENERATE(false, true);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect();
  client.peer.count_only();
  client.send(get("/big"));
  worker.run();
  const std::string size = is_chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + std::to_string(kGiB);
  worker.primary().last().send("HTTP/1.1 200 OK\r\n" + size + "\r\n\r\n" + (is_chunked ? "40000000\r\n" : ""));
  worker.primary().last().send_filler(kGiB);
  CHECK(run_watching_blocks(worker) <= kMostBlocks);
  if (is_chunked) worker.primary().last().send("\r\n0\r\n\r\n");
  worker.run();
  CHECK(client.peer.received_bytes() >= kGiB);
  CHECK(worker.counters.exchanges.get() == 0);
  CHECK(worker.core->blocks().in_use() == 0);
  CHECK(worker.counted().servers[0][0].pooled.get() == 1);
}

TEST_CASE("a request of 1 GiB passes in bounded memory") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect();
  client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kGiB) + "\r\n\r\n");
  worker.run();
  worker.primary().last().count_only();
  client.peer.send_filler(kGiB);
  CHECK(run_watching_blocks(worker) <= kMostBlocks);
  CHECK(worker.primary().last().received_bytes() >= kGiB);
  worker.primary().last().send(reply(200, "done"));
  worker.run();
  CHECK(client.last().body == "done");
  CHECK(worker.counted().servers[0][0].pooled.get() == 1);
  CHECK(worker.core->blocks().in_use() == 0);
}

TEST_CASE("a client that stops reading stops the server, and both go on") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect();
  client.peer.count_only();
  client.peer.stop_reading();
  client.send(get("/big"));
  worker.run();
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
  worker.primary().last().send_filler(10'000'000);
  CHECK(run_watching_blocks(worker) <= kMostBlocks);
  CHECK(worker.primary().last().has_unsent());
  for (int i = 0; i < 10; ++i) {
    client.peer.read_at_most(100'000);
    worker.advance(20'000);
    CHECK(client.peer.received_bytes() == static_cast<uint64_t>(i + 1) * 100'000);
  }
  client.peer.read_on();
  worker.run();
  CHECK(client.peer.received_bytes() > 10'000'000);
  CHECK_FALSE(client.is_over());
}

TEST_CASE("a server that stops reading stops the client, and both go on") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect();
  client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  worker.run();
  worker.primary().last().stop_reading();
  client.peer.send_filler(3'000'000);
  CHECK(run_watching_blocks(worker) <= kMostBlocks);
  CHECK(client.peer.has_unsent());
  for (int i = 0; i < 5; ++i) {
    // Slower than a client may be, but it is not the client's fault.
    worker.primary().last().read_at_most(20'000);
    worker.advance(20'000);
    REQUIRE_FALSE(client.is_over());
  }
  worker.primary().last().read_on();
  worker.run();
  worker.primary().last().send(reply(200, "done"));
  worker.run();
  CHECK(client.last().body == "done");
  CHECK(worker.counted().servers[0][0].pooled.get() == 1);
}

TEST_CASE("the end of a body is passed on wherever back-pressure stopped it") {
  const size_t length = GENERATE(range<size_t>(32'700, 32'800, 7), range<size_t>(49'000, 49'300, 17));
  const bool is_chunked = GENERATE(false, true);
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 1000;
  const std::string body(length, 'b');
  std::string request = "POST /b HTTP/1.1\r\nHost: a\r\n";
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", length);
  request += is_chunked ? "Transfer-Encoding: chunked\r\n\r\n" + std::string(size) + body + "\r\n0\r\n\r\n"
                        : "Content-Length: " + std::to_string(length) + "\r\n\r\n" + body;
  worker.answer_everything();
  SimulatedClient& client = worker.ask(request + get("/next"));
  REQUIRE(worker.primary().requests.size() == 2);
  CHECK(worker.primary().requests[0].body == body);
  CHECK(client.messages().size() == 2);
  // A request that was complete leaves a connection that can be used again.
  CHECK(worker.primary().connection_count() == 1);
}

TEST_CASE("every write may be partial") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  client.peer.connection().most_per_write = 7;
  client.peer.connection().to_peer_capacity = 13;
  worker.primary().to_server_capacity = 11;
  std::string expected;
  for (int i = 0; i < 5; ++i) client.send(post("/" + std::to_string(i), std::string(1000, 'y')));
  worker.run();
  const auto messages = client.messages();
  REQUIRE(messages.size() == 5);
  for (const auto& message : messages) CHECK(message.body.size() == std::string("primary POST /0 ").size() + 1000);
}

TEST_CASE("an idle connection holds no block") {
  SimulatedWorker worker(one_server());
  worker.answer_everything();
  for (int i = 0; i < 50; ++i) worker.ask(get("/" + std::to_string(i)));
  CHECK(worker.counters.connections.get() == 50);
  CHECK(worker.core->blocks().in_use() == 0);
}
