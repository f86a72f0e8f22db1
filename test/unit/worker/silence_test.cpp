// When a server counts as silent: by what came of it to any worker, and by its checks; never by one slow request.
#include <catch2/catch.hpp>

#include "health_fixture.h"
#include "tunnel_fixture.h"

using namespace halfdoor;

namespace {

MemoryServer::Answer answer_as(std::string name) {
  return [name](const WireMessage& request, MemoryPeer&) { return reply(200, name + " " + request.target()); };
}

// Answers what is asked for quickly, and never what is slow.
MemoryServer::Answer answer_quick_ones() {
  return [](const WireMessage& request, MemoryPeer&) {
    return request.target().starts_with("/slow") ? std::string() : reply(200, "primary " + request.target());
  };
}

void advance_both(SimulatedWorker& one, SimulatedWorker& two, int64_t ms) {
  for (int64_t done = 0; done < ms; done += 20) {
    one.advance(20);
    two.advance(20);
  }
}

SimulatedWorker::Options sharing(SimulatedWorker& other) {
  SimulatedWorker::Options options = one_primary_server();
  options.health = &other.health;
  return options;
}

}  // namespace

TEST_CASE("a read moves to the backup once its server has been silent for read_fallback_after") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  fail_check(worker, kFirst);
  worker.advance(1'980);
  CHECK(client.messages().empty());
  worker.advance(120);
  CHECK(client.last().body == "backup /r");
  CHECK(client.last().field("Halfdoor-Served-By") == "backup; fallback");
  // After a plain close a kernel would deliver it when the host can be reached again, maybe after a failover.
  CHECK(worker.primary().last().saw_reset());
  CHECK(worker.counted().fallback_reads.get() == 1);
  CHECK(worker.counted().retries.get() == 1);
  CHECK(worker.counted().slow_reads.get() == 0);
  CHECK(worker.counted().servers[0][0].failures.get() == 1);
  CHECK(worker.counted().servers[0][0].in_flight.get() == 0);
  client.peer.close();
  worker.run();
  REQUIRE(worker.access_log.lines.size() == 1);
  CHECK(worker.access_log.lines[0].record.attempts == 2);
  CHECK(worker.access_log.lines[0].record.is_fallback);
  CHECK(worker.access_log.lines[0].server == "10.9.0.1:80");
}

TEST_CASE("a read whose server is slow but passes its checks stays, and is counted") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  for (int i = 0; i < 20; ++i) {
    pass_check(worker, kFirst);
    worker.advance(1'000);
  }
  CHECK(client.messages().empty());
  CHECK(worker.counted().slow_reads.get() == 0);
  worker.primary().last().send(reply(200, "at last"));
  worker.run();
  CHECK(client.last().body == "at last");
  CHECK(worker.counted().slow_reads.get() == 1);
  CHECK(worker.counted().fallback_reads.get() == 0);
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("a read that nothing is known about the health of its server waits") {
  SimulatedWorker worker(one_primary_server());
  SimulatedClient& client = worker.ask(get("/r"));
  worker.advance(20'000);
  CHECK(client.messages().empty());
  CHECK(worker.backup().connection_count() == 0);
}

TEST_CASE("a check that is late counts as much as one that failed") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  pass_check(worker, kFirst);
  worker.advance(500);
  SimulatedClient& client = worker.ask(get("/r"));
  // interval + timeout after the last one that passed it is late, long before the server has been silent for 2 s.
  worker.advance(1'980);
  CHECK(client.messages().empty());
  worker.advance(120);
  CHECK(client.last().body == "backup /r");
}

TEST_CASE("a read moves as soon as the check fails where the server has been quiet for long") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  for (int i = 0; i < 5; ++i) {
    pass_check(worker, kFirst);
    worker.advance(1'000);
  }
  CHECK(client.messages().empty());
  fail_check(worker, kFirst);
  worker.advance(200);
  CHECK(client.last().body == "backup /r");
}

TEST_CASE("a server that answers other requests is not silent, whatever its checks say") {
  SimulatedWorker worker(one_primary_server());
  worker.primary().answer = answer_quick_ones();
  worker.backup().answer = answer_as("backup");
  SimulatedClient& slow = worker.ask(get("/slow"));
  fail_check(worker, kFirst);
  for (int i = 0; i < 20; ++i) {
    CHECK(worker.ask(get("/quick")).last().body == "primary /quick");
    worker.advance(500);
  }
  CHECK(slow.messages().empty());
  CHECK(worker.backup().connection_count() == 0);
  worker.advance(1'400);
  CHECK(slow.messages().empty());
  worker.advance(300);
  CHECK(slow.last().body == "backup /slow");
}

TEST_CASE("a server that answers another worker is not silent") {
  SimulatedWorker one(one_primary_server());
  SimulatedWorker two(sharing(one));
  one.backup().answer = two.backup().answer = answer_as("backup");
  two.primary().answer = answer_quick_ones();
  SimulatedClient& slow = one.ask(get("/slow"));
  fail_check(one, kFirst);
  for (int i = 0; i < 10; ++i) {
    two.ask(get("/quick"));
    advance_both(one, two, 1'000);
  }
  CHECK(slow.messages().empty());
  advance_both(one, two, 1'200);
  CHECK(slow.last().body == "backup /slow");
  SECTION("what one worker finds out holds for all") { CHECK(two.ask(get("/quick")).last().body == "backup /quick"); }
}

TEST_CASE("a read does not wait for its whole time once another worker has found its server silent") {
  SimulatedWorker one(one_primary_server());
  SimulatedWorker two(sharing(one));
  one.backup().answer = two.backup().answer = answer_as("backup");
  fail_check(one, kFirst);
  SimulatedClient& early = one.ask(get("/early"));
  advance_both(one, two, 1'500);
  SimulatedClient& late = two.ask(get("/late"));
  advance_both(one, two, 700);
  CHECK(early.last().body == "backup /early");
  advance_both(one, two, 500);
  CHECK(late.last().body == "backup /late");
}

TEST_CASE("half a head is a sign of life, and so is an interim response") {
  const std::string sign = GENERATE(as<std::string>{}, "H", "HTTP/1.1 103 Early Hints\r\n\r\n");
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  fail_check(worker, kFirst);
  worker.advance(1'900);
  worker.primary().last().send(sign);
  worker.advance(1'900);
  CHECK(worker.backup().connection_count() == 0);
  worker.advance(300);
  CHECK(client.last().body == "backup /r");
}

TEST_CASE("a byte on a tunnel is a sign of life, a quiet tunnel owes nothing") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& talker = open_tunnel(worker);
  if (GENERATE(false, true)) {
    talker.peer.finish();
    worker.run();
  }
  fail_check(worker, kFirst);
  worker.advance(10'000);
  SimulatedClient& client = worker.ask(get("/r"));
  SECTION("what begins now has its whole time") {
    worker.advance(1'900);
    CHECK(worker.backup().connection_count() == 0);
    worker.advance(300);
    CHECK(client.last().body == "backup /r");
  }
  SECTION("talk on the tunnel keeps a read where it is") {
    for (int i = 0; i < 10; ++i) {
      worker.primary().connection(0).send("x");
      worker.advance(1'000);
    }
    CHECK(worker.backup().connection_count() == 0);
  }
}

TEST_CASE("a server owes nothing while a client is still sending its request") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& writer = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  fail_check(worker, kFirst);
  for (int i = 0; i < 5; ++i) {
    worker.advance(1'000);
    writer.send("1");
  }
  SimulatedClient& client = worker.ask(get("/r"));
  worker.advance(1'900);
  CHECK(worker.backup().connection_count() == 0);
  writer.send("67890");
  worker.advance(300);
  CHECK(client.last().body == "backup /r");
  CHECK(writer.messages().empty());
}

TEST_CASE("a server that answered early owes nothing when the rest of the request has come") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& writer = worker.ask("POST /w HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
  worker.primary().last().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  worker.run();
  writer.send("67890");
  worker.run();
  fail_check(worker, kFirst);
  worker.advance(10'000);
  SimulatedClient& client = worker.ask(get("/r"));
  worker.advance(1'900);
  CHECK(worker.backup().connection_count() == 0);
  worker.advance(300);
  CHECK(client.last().body == "backup /r");
}

TEST_CASE("a write that waits makes its server silent for the reads that come") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& writer = worker.ask(post("/w", "x"));
  fail_check(worker, kFirst);
  worker.advance(2'200);
  CHECK(worker.ask(get("/r")).last().body == "backup /r");
  CHECK(writer.messages().empty());
  CHECK(worker.backup().all_received().find("POST") == std::string::npos);
}

TEST_CASE("a new read does not wait again for a server that is silent, until it gives a sign of life") {
  SimulatedWorker worker(one_primary_server());
  worker.primary().answer = answer_quick_ones();
  worker.backup().answer = answer_as("backup");
  worker.ask(post("/slow", "x"));
  MemoryPeer& waiting = worker.primary().last();
  fail_check(worker, kFirst);
  worker.advance(2'200);
  for (int i = 0; i < 5; ++i) {
    CHECK(worker.ask(get("/r")).last().body == "backup /r");
    worker.advance(500);
  }
  SECTION("a byte came") {
    waiting.send("HTTP/1.1 100 Continue\r\n\r\n");
    worker.run();
    CHECK(worker.ask(get("/r")).last().body == "primary /r");
  }
  SECTION("a check passed") {
    pass_check(worker, kFirst);
    CHECK(worker.ask(get("/r")).last().body == "primary /r");
    // One that fails later finds no old silence.
    fail_check(worker, kFirst);
    CHECK(worker.ask(get("/r")).last().body == "primary /r");
  }
}

TEST_CASE("what the process itself slept through is no silence of a server") {
  SimulatedWorker worker(one_primary_server());
  worker.backup().answer = answer_as("backup");
  SimulatedClient& client = worker.ask(get("/r"));
  pass_check(worker, kFirst);
  worker.advance(100);
  // Every check is late now; whether the server answers has to be seen first.
  worker.wheel.set_now(worker.wheel.now_ms() + 30'000);
  worker.run();
  worker.advance(1'000);
  CHECK(worker.backup().connection_count() == 0);
  worker.primary().last().send(reply(200, "still here"));
  worker.run();
  CHECK(client.last().body == "still here");
}

TEST_CASE("live traffic that meets trouble has the next check brought forward, once") {
  SimulatedWorker worker(one_primary_server());
  const auto is_suspected = [&] { return worker.observer.suspects == std::vector<ServerId>{kFirst}; };
  SECTION("half of read_fallback_after is silent") {
    worker.ask(get("/r"));
    worker.advance(980);
    CHECK(worker.observer.suspects.empty());
    worker.advance(5'000);
    CHECK(is_suspected());
    worker.health.at(kFirst).begin_check();
    worker.advance(5'000);
    CHECK(is_suspected());  // the same silence
  }
  SECTION("it refuses") {
    worker.primary().reach = GENERATE(MemoryServer::Reach::refuses_at_once, MemoryServer::Reach::refuses_later);
    worker.ask(post("/w", "x"));
    worker.ask(post("/w", "x"));
    CHECK(is_suspected());
  }
  SECTION("it resets, or cuts a response short") {
    worker.ask(get("/r"));
    worker.primary().last().send(GENERATE(as<std::string>{}, "", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"));
    worker.run();
    worker.primary().last().reset();
    worker.run();
    CHECK(is_suspected());
  }
  SECTION("a connection does not come to be in time") {
    worker.primary().reach = MemoryServer::Reach::is_silent;
    worker.ask(post("/w", "x"));
    worker.advance(3'100);
    CHECK(is_suspected());
  }
  SECTION("but not for closing a connection that waited in the pool") {
    worker.primary().answer = answer_as("primary");
    SimulatedClient& client = worker.ask(get("/1"));
    worker.primary().answer = nullptr;
    worker.primary().last().on_received = nullptr;
    client.send(get("/2"));
    worker.run();
    worker.primary().last().close();
    worker.run();
    CHECK(worker.observer.suspects.empty());
  }
}
