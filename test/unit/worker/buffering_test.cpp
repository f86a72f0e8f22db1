// What a peer that does not read, or sends in small pieces, can make a worker hold: a small multiple of limits.buffer.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

constexpr size_t kLimit = 32 << 10;

SimulatedWorker::Options one_server() {
  return {[](Config& config) {
            config.services[0].sides[0].servers.resize(1);
            config.limits.buffer = kLimit;
          },
          {}};
}

size_t held(const SimulatedWorker& worker) { return worker.core->blocks().in_use() * Block::kBytes; }

// Sends pieces of this size, each in a segment of its own, until the worker takes no more.
size_t dribble(SimulatedWorker& worker, MemoryPeer& peer, size_t piece) {
  const std::string bytes(piece, 'x');
  size_t most = 0;
  for (size_t sent = 0; sent < 50 * kLimit && !peer.has_unsent(); sent += piece) {
    peer.send(bytes);
    worker.run();
    most = std::max(most, held(worker));
  }
  CHECK(peer.has_unsent());
  return most;
}

}  // namespace

TEST_CASE("a response that its client does not read holds a small multiple of limits.buffer however it comes") {
  const size_t piece = GENERATE(100, 1000, 2047, 2048, 2049, 3000, 4096, 5000, 8191, 8192, 8193, 12'000, 16'384);
  CAPTURE(piece);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect("192.0.2.1:1", 64 << 10, 1);
  client.peer.stop_reading();
  client.send(get("/big"));
  worker.run();
  MemoryPeer& host = worker.primary().last();
  host.connection().to_proxy_capacity = 16 << 10;
  host.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
  CHECK(dribble(worker, host, piece) <= 4 * kLimit);
}

TEST_CASE("so does one in chunks") {
  const size_t piece = GENERATE(1, 100, 2048, 8192, 16'000);
  CAPTURE(piece);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect("192.0.2.1:1", 64 << 10, 1);
  client.peer.stop_reading();
  client.send(get("/big"));
  worker.run();
  MemoryPeer& host = worker.primary().last();
  host.connection().to_proxy_capacity = 16 << 10;
  host.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", piece);
  const std::string chunk = size + std::string(piece, 'x') + "\r\n";
  size_t most = 0;
  for (size_t sent = 0; sent < 50 * kLimit && !host.has_unsent(); sent += piece) {
    host.send(chunk);
    worker.run();
    most = std::max(most, held(worker));
  }
  CHECK(host.has_unsent());
  CHECK(most <= 4 * kLimit);
}

TEST_CASE("a request body that its host does not read holds a small multiple of limits.buffer however it comes") {
  const size_t piece = GENERATE(100, 2048, 3000, 8191, 8192, 12'000, 16'384);
  CAPTURE(piece);
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 1;
  worker.primary().on_connect = [](MemoryPeer& peer) { peer.stop_reading(); };
  SimulatedClient& client = worker.connect("192.0.2.1:1", 16 << 10);
  client.send("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  worker.run();
  // Also what could be asked back for another attempt, until the first byte has been taken.
  CHECK(dribble(worker, client.peer, piece) <= 4 * kLimit);
}
