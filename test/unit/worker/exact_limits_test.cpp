// The limits of the data path, each at the limit and one beyond it, and that configured values are the ones that count.
#include <catch2/catch.hpp>

#include "config/limits.h"
#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options with(std::function<void(Config&)> configure, std::vector<Mode> modes = {},
                              uint64_t most_connections = 1000) {
  return {[configure = std::move(configure)](Config& config) {
            config.services[0].sides[0].servers.resize(1);
            if (configure) configure(config);
          },
          std::move(modes), most_connections};
}

std::string head_of_bytes(size_t bytes) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
}
std::string line_of_bytes(size_t bytes) {
  return "GET /" + std::string(bytes - std::string_view("GET / HTTP/1.1").size(), 'p') + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string fields(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += "X: 1\r\n";
  return text;
}
const std::string kChunkedPost = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string chunk(std::string_view extension) { return "1" + std::string(extension) + "\r\ny\r\n"; }

}  // namespace

TEST_CASE("the limits of a request are those of the configuration, to the byte") {
  SimulatedWorker worker(with([](Config& config) {
    config.limits.request_line = 200;
    config.limits.request_head = 600;
    config.limits.request_fields = 9;
    config.limits.chunk_line = 50;
    config.limits.chunk_extensions = 90;
  }));
  worker.answer_everything();
  const auto status = [&](const std::string& request) { return worker.ask(request).last().status(); };
  CHECK(status(line_of_bytes(200)) == 200);
  CHECK(status(line_of_bytes(201)) == 414);
  CHECK(status(head_of_bytes(600)) == 200);
  CHECK(status(head_of_bytes(601)) == 431);
  CHECK(status("GET / HTTP/1.1\r\nHost: a\r\n" + fields(8) + "\r\n") == 200);
  CHECK(status("GET / HTTP/1.1\r\nHost: a\r\n" + fields(9) + "\r\n") == 431);
  // A chunk line of 50 bytes, and of 51.
  CHECK(status(kChunkedPost + chunk(";" + std::string(48, 'e')) + "0\r\n\r\n") == 200);
  CHECK(status(kChunkedPost + chunk(";" + std::string(49, 'e')) + "0\r\n\r\n") == 400);
  // Extensions of 90 bytes in all, and of 91 (what stands behind the semicolons).
  const auto extended = [](size_t bytes) { return chunk(";" + std::string(bytes, 'e')); };
  CHECK(status(kChunkedPost + extended(45) + extended(45) + "0\r\n\r\n") == 200);
  CHECK(status(kChunkedPost + extended(45) + extended(46) + "0\r\n\r\n") == 400);
  // Trailers are a head of their own.
  CHECK(status(kChunkedPost + "0\r\n" + fields(9) + "\r\n") == 200);
  CHECK(status(kChunkedPost + "0\r\n" + fields(10) + "\r\n") == 400);
}

TEST_CASE("the limits of a response are those of the configuration, to the byte") {
  struct Row {
    std::string response;
    bool passes;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  const auto of_bytes = [&](size_t bytes) { return ok + "X: " + std::string(bytes - ok.size() - 7, 'x') + "\r\n\r\n"; };
  const auto row = GENERATE_COPY(Row{of_bytes(600), true}, Row{of_bytes(601), false},
                                 Row{ok + fields(8) + "\r\n", true}, Row{ok + fields(9) + "\r\n", false});
  SimulatedWorker worker(with([](Config& config) {
    config.limits.response_head = 600;
    config.limits.response_fields = 9;
  }));
  SimulatedClient& client = worker.ask(get("/"));
  worker.primary().last().send(row.response);
  worker.run();
  CHECK(client.last().status() == (row.passes ? 200 : 502));
  CHECK(worker.primary().last().is_over() == !row.passes);
}

TEST_CASE("chunk framing of a response over its limits cuts the response") {
  const size_t bytes = GENERATE(48, 49);
  SimulatedWorker worker(with([](Config& config) { config.limits.chunk_line = 50; }));
  SimulatedClient& client = worker.ask(get("/"));
  worker.primary().last().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  worker.run();
  worker.primary().last().send(chunk(";" + std::string(bytes, 'e')) + "0\r\n\r\n");
  worker.run();
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().is_cut == (bytes == 49));
  CHECK(client.last().body == (bytes == 49 ? "abc" : "abcy"));
}

TEST_CASE("interim responses of 64 KiB pass and one byte more is 502") {
  const size_t over = GENERATE(0, 1);
  SimulatedWorker worker(with({}));
  SimulatedClient& client = worker.ask(get("/"));
  // Reason, name and value count; four times the same.
  const std::string_view around = "Early HintsLink";
  for (size_t i = 0; i < 4; ++i) {
    const size_t value = (64 << 10) / 4 - around.size() + (i == 3 ? over : 0);
    worker.primary().last().send("HTTP/1.1 103 Early Hints\r\nLink: " + std::string(value, 'l') + "\r\n\r\n");
    worker.run();
  }
  worker.primary().last().send(reply(200, "final"));
  worker.run();
  CHECK(client.last().status() == (over == 0 ? 200 : 502));
}

TEST_CASE("an early answer drains 64 KiB of the body to the byte") {
  const size_t over = GENERATE(0, 1);
  const bool is_chunked = GENERATE(false, true);
  SimulatedWorker worker(with({}));
  const size_t length = kLingerBytes + over;
  SimulatedClient& client =
      worker.ask(is_chunked ? kChunkedPost
                            : "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n");
  worker.primary().last().send(reply(413, "no"));
  worker.run();
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", length);
  client.send((is_chunked ? size : "") + std::string(length, 'x') + (is_chunked ? "\r\n0\r\n\r\n" : ""));
  worker.run();
  client.send(get("/next"));
  worker.run();
  CHECK((worker.primary().all_received().find("GET /next") != std::string::npos) == (over == 0));
  CHECK(client.is_over() == (over != 0));
}

TEST_CASE("a refused body is taken up to limits.refused_body to the byte") {
  const size_t over = GENERATE(0, 1);
  SimulatedWorker worker(with([](Config& config) { config.limits.refused_body = 100'000; }, {Mode::backup_readonly}));
  worker.answer_everything();
  const size_t length = 100'000 + over;
  SimulatedClient& client =
      worker.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n");
  CHECK(client.last().status() == 503);
  client.peer.send_filler(length);
  worker.run();
  client.send(get("/next"));
  worker.run();
  CHECK(client.messages().size() == (over == 0 ? 2 : 1));
  CHECK(client.is_over() == (over != 0));
}

TEST_CASE("a lingering close takes 64 KiB to the byte, then it is a reset") {
  const size_t over = GENERATE(0, 1);
  SimulatedWorker worker;
  SimulatedClient& client = worker.ask("BAD\r\n\r\n");
  CHECK(client.last().status() == 400);
  client.peer.send_filler(kLingerBytes + over);
  worker.run();
  CHECK(worker.counters.connections.get() == (over == 0 ? 1 : 0));
  worker.advance(900);
  CHECK(worker.counters.connections.get() == (over == 0 ? 1 : 0));
  worker.advance(200);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("idle connections stay shorter above 80 % of the limit, not at it") {
  const bool is_above = GENERATE(false, true);
  SimulatedWorker worker(with({}, {}, 10));
  worker.answer_everything();
  for (int i = 0; i < (is_above ? 8 : 7); ++i) worker.connect();
  SimulatedClient& client = worker.ask(get("/1"));
  worker.advance(4'900);
  CHECK_FALSE(client.is_over());
  worker.advance(200);
  CHECK(client.is_over() == is_above);
}

TEST_CASE("limits.buffer bounds what is held of a body in either direction") {
  const uint64_t buffer = GENERATE(4 << 10, 32 << 10, 256 << 10);
  // Beside the pipe: what was pulled for one write, and the blocks in which the last bytes were read.
  constexpr uint64_t kBeside = (32 << 10) + 4 * Block::kBytes;
  SimulatedWorker worker(with([&](Config& config) { config.limits.buffer = buffer; }));
  SECTION("request") {
    SimulatedClient& client = worker.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    MemoryPeer& server = worker.primary().last();
    server.stop_reading();
    client.peer.send_filler(10'000'000);
    worker.run();
    const uint64_t in_kernel = server.connection().to_peer.size() + server.received_bytes();
    const uint64_t taken = 10'000'000 - client.peer.unsent_bytes() - client.peer.connection().to_proxy.size();
    CHECK(taken > in_kernel + buffer / 2);
    CHECK(taken < in_kernel + buffer + kBeside);
  }
  SECTION("response") {
    SimulatedClient& client = worker.connect();
    client.peer.stop_reading();
    client.send(get("/"));
    worker.run();
    MemoryPeer& server = worker.primary().last();
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
    server.send_filler(10'000'000);
    worker.run();
    const uint64_t in_kernel = client.peer.connection().to_peer.size();
    const uint64_t taken = 10'000'000 - server.unsent_bytes() - server.connection().to_proxy.size();
    CHECK(taken > in_kernel + buffer / 2);
    CHECK(taken < in_kernel + buffer + kBeside);
  }
}

TEST_CASE("a write goes to the next server when the first answers no SYN") {
  SimulatedWorker worker;
  worker.answer_everything();
  const size_t silent = GENERATE(0, 1);
  worker.primary(silent).reach = MemoryServer::Reach::is_silent;
  std::vector<SimulatedClient*> clients;
  for (int i = 0; i < 2; ++i) clients.push_back(&worker.ask(post("/w", "body")));
  worker.advance(2'900);
  worker.advance(200);
  for (SimulatedClient* client : clients) CHECK(client->last().body == "primary POST /w body");
  CHECK(worker.primary(1 - silent).requests.size() == 2);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("of as many servers as a side may have every one is tried, once") {
  const size_t alive = GENERATE(0, 31, 32, 63);
  std::vector<std::string> names;
  for (size_t i = 0; i < ListLimits::servers; ++i) names.push_back("10.0.1." + std::to_string(i + 1) + ":80");
  SimulatedWorker worker({[&](Config& config) {
                            auto& servers = config.services[0].sides[0].servers;
                            servers.clear();
                            for (const std::string& name : names)
                              servers.push_back({name, Address::parse(name).value()});
                          },
                          {}});
  for (const std::string& name : names) worker.network.server(name).reach = MemoryServer::Reach::refuses_at_once;
  MemoryServer& last = worker.network.server(names[alive]);
  last.reach = MemoryServer::Reach::accepts;
  last.answer = [](const WireMessage&, MemoryPeer&) { return reply(200, "alive"); };
  for (int i = 0; i < 3; ++i) CHECK(worker.ask(post("/w", "x")).last().body == "alive");
  CHECK(last.requests.size() == 3);
}
