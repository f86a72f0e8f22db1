// Answers that are there before the request has been read: what still comes of the body is never a request.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

SimulatedWorker::Options one_server(std::vector<Mode> modes = {}) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, std::move(modes)};
}

std::string post_head(std::string_view path, uint64_t length, std::string_view more = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         std::string(more) + "\r\n";
}

const std::string kEvil = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("the rest of a body behind an early answer is thrown away and the connection goes on") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post_head("/p", 2 * kEvil.size()) + kEvil);
  worker.primary().last().send(reply(413, "no"));
  worker.run();
  CHECK(client.last().status() == 413);
  CHECK(worker.primary().last().saw_reset());
  client.send(kEvil + get("/good"));
  worker.run();
  REQUIRE(worker.primary().connection_count() == 2);
  CHECK(worker.primary().last().received().find("GET /good") == 0);
  CHECK(worker.primary().last().received().find("evil") == std::string::npos);
}

TEST_CASE("a body that is a complete GET is not parsed when the early answer closes its connection") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post_head("/p", 1'000'000));
  worker.primary().last().send(reply(413, "no"));
  worker.run();
  CHECK(client.last().status() == 413);
  for (int i = 0; i < 20; ++i) {
    client.send(kEvil);
    worker.advance(200);
  }
  CHECK(client.is_over());
  CHECK(worker.primary().connection_count() == 1);
  CHECK(worker.primary().all_received().find("evil") == std::string::npos);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("an early answer drains at most 64 KiB of the body") {
  const uint64_t length = GENERATE(60'000, 200'000);
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post_head("/p", length));
  worker.primary().last().send(reply(413, "no"));
  worker.run();
  client.peer.send_filler(length);
  worker.run();
  client.send(get("/next"));
  worker.run();
  CHECK(worker.primary().connection_count() == (length == 60'000 ? 2 : 1));
  if (length != 60'000) {
    worker.advance(1500);
    CHECK(client.is_over());
  }
}

TEST_CASE("an early answer waits at most a second for the rest of the body") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post_head("/p", 1000));
  worker.primary().last().send(reply(413, "no"));
  worker.run();
  worker.advance(900);
  CHECK_FALSE(client.is_over());
  worker.advance(200);
  CHECK(client.is_over());
  CHECK_FALSE(client.peer.saw_reset());
  worker.advance(1200);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("an early answer that is still coming lets the body pass on") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.ask(post_head("/p", 10) + "12345");
  worker.primary().last().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  worker.run();
  CHECK(worker.writes_open() == 0);
  client.send("67890");
  worker.run();
  CHECK(worker.primary().last().received().ends_with("1234567890"));
  worker.primary().last().send("0\r\n\r\n");
  worker.run();
  CHECK(client.last().body == "abc");
  CHECK(worker.counted().servers[0][0].pooled.get() == 1);
  CHECK_FALSE(client.is_over());
}

TEST_CASE("the notice of a refused write is readable behind 1 MiB of its body, and the connection goes on") {
  SimulatedWorker worker(one_server({Mode::backup_readonly}));
  worker.answer_everything();
  SimulatedClient& client = worker.connect();
  client.send(post_head("/upload", 1 << 20));
  client.peer.send_filler(1 << 20);
  worker.run();
  CHECK(client.last().status() == 503);
  client.send(get("/after"));
  worker.run();
  CHECK(client.last().body == "backup GET /after ");
}

TEST_CASE("the notice is readable behind a large body also where the connection closes after it") {
  const std::string field = GENERATE(as<std::string>{}, "Connection: close\r\n", "");
  SimulatedWorker worker(one_server({Mode::backup_readonly}));
  SimulatedClient& client = worker.connect();
  const std::string version = field.empty() ? "1.0" : "1.1";
  client.send("POST /upload HTTP/" + version + "\r\nHost: a\r\n" + field + "Content-Length: 1048576\r\n\r\n");
  client.peer.stop_reading();
  for (int i = 0; i < 16; ++i) {
    client.peer.send_filler(65'536);
    worker.advance(200);
  }
  CHECK_FALSE(client.peer.saw_reset());
  client.peer.read_on();
  worker.run();
  worker.advance(1500);
  CHECK(client.last().status() == 503);
  CHECK(client.peer.saw_end());
  CHECK_FALSE(client.peer.saw_reset());
}

TEST_CASE("a refused body is read up to limits.refused_body and no further") {
  SimulatedWorker worker({[](Config& config) { config.limits.refused_body = 100'000; }, {Mode::backup_readonly}});
  SimulatedClient& client = worker.connect();
  client.send(post_head("/upload", 10'000'000));
  client.peer.send_filler(10'000'000);
  worker.advance(3000);
  CHECK(client.is_over());
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.counters.exchanges.get() == 0);
}

TEST_CASE("a refused body is waited for at most timeouts.refused_body") {
  SimulatedWorker worker(one_server({Mode::backup_readonly}));
  SimulatedClient& client = worker.ask(post_head("/upload", 1000));
  for (int i = 0; i < 29; ++i) {
    client.send("x");
    worker.advance(1000);
  }
  CHECK_FALSE(client.is_over());
  for (int i = 0; i < 4; ++i) {
    client.send("x");
    worker.advance(1000);
  }
  CHECK(client.is_over());
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("a malformed body behind a notice that was written ends the connection") {
  SimulatedWorker worker(one_server({Mode::backup_readonly}));
  SimulatedClient& client = worker.ask("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(client.last().status() == 503);
  client.send("zz\r\n" + kEvil);
  worker.run();
  worker.advance(1500);
  CHECK(client.is_over());
  CHECK(client.messages().size() == 1);
  CHECK(worker.counters.connections.get() == 0);
}

TEST_CASE("a malformed body behind a complete early answer does not cut that answer short") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 64 << 10, 4096);
  client.send("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.peer.stop_reading();
  worker.run();
  worker.primary().last().send(reply(200, std::string(20'000, 'r')));
  worker.run();
  client.send("zz\r\n");
  worker.run();
  client.peer.read_on();
  worker.run();
  worker.advance(1500);
  REQUIRE(client.messages().size() == 1);
  CHECK(client.last().body.size() == 20'000);
  CHECK(client.is_over());
}

TEST_CASE("an early answer to a client that has shut its half is not destroyed by unread bytes") {
  SimulatedWorker worker(one_server());
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 4096);
  client.send("POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n");
  worker.run();
  worker.primary().last().send(reply(413, "too large"));
  client.peer.send_filler(3000);
  client.peer.finish();
  worker.run();
  worker.advance(1500);
  CHECK(worker.counters.connections.get() == 0);
  CHECK(worker.writes_open() == 0);
}

TEST_CASE("a server that answers and closes before it has read the body is heard") {
  SimulatedWorker worker(one_server());
  worker.primary().to_server_capacity = 8192;
  SimulatedClient& client = worker.connect();
  client.send(post_head("/p", 1'000'000));
  client.peer.send_filler(1'000'000);
  worker.turn();
  worker.turn();
  worker.primary().last().stop_reading();
  worker.run();
  worker.primary().last().send(reply(413, "too large"));
  worker.primary().last().close();
  worker.run();
  CHECK(client.last().status() == 413);
  CHECK(worker.ledger.uncertain.empty());
  CHECK(worker.writes_open() == 0);
}
