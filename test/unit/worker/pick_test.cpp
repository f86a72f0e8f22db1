// Which server gets a request: the order of the sides, servers that are down, busy, or back again.
#include <catch2/catch.hpp>
#include <cerrno>

#include "health_fixture.h"

using namespace halfdoor;

namespace {

// Two servers on either side, each of which says who it is; those that are named are unhealthy.
struct TwoAndTwo {
  explicit TwoAndTwo(const std::vector<ServerId>& unhealthy, Mode mode = Mode::primary)
      : worker({[](Config& config) {
                  config.services[0].sides[1].servers.push_back({"10.9.0.2:80", Address::parse("10.9.0.2:80").value()});
                  config.services[0].read_only.deny = {Rule::parse("GET /cancel").value()};
                },
                {mode}}) {
    for (const char* address : {"10.0.0.1:80", "10.0.0.2:80", "10.9.0.1:80", "10.9.0.2:80"}) {
      worker.network.server(address).answer = [address](const WireMessage&, MemoryPeer&) {
        return reply(200, address);
      };
    }
    for (const ServerId server : unhealthy) set_health(worker, server, Health::unhealthy);
  }

  SimulatedWorker worker;
};

constexpr ServerId kBackup2{0, Side::backup, 1};

}  // namespace

TEST_CASE("reads go to servers that are not unhealthy: of the primary, then of the backup; then to the others") {
  struct Case {
    std::vector<ServerId> unhealthy;
    std::string read, write;
  };
  const auto given = GENERATE(Case{{kSecond, kBackup, kBackup2}, "10.0.0.1:80", "10.0.0.1:80"},
                              Case{{kFirst, kBackup}, "10.0.0.2:80", "10.0.0.2:80"},
                              Case{{kFirst, kSecond, kBackup2}, "10.9.0.1:80", "10.0.0."},
                              Case{{kFirst, kSecond, kBackup}, "10.9.0.2:80", "10.0.0."},
                              Case{{kFirst, kSecond, kBackup, kBackup2}, "10.0.0.", "10.0.0."});
  TwoAndTwo there(given.unhealthy);
  for (int i = 0; i < 5; ++i) {
    CHECK(there.worker.ask(get("/r")).last().body.find(given.read) == 0);
    CHECK(there.worker.ask(post("/w", "x")).last().body.find(given.write) == 0);
    CHECK(there.worker.ask(get("/cancel")).last().body.find(given.write) == 0);
  }
}

TEST_CASE("a read is tried everywhere before it is given up, a write at every server of its side") {
  const bool all_unhealthy = GENERATE(true, false);
  TwoAndTwo there(all_unhealthy ? std::vector<ServerId>{kFirst, kSecond, kBackup, kBackup2} : std::vector<ServerId>{});
  for (const char* address : {"10.0.0.1:80", "10.0.0.2:80", "10.9.0.1:80", "10.9.0.2:80"}) {
    there.worker.network.server(address).reach = MemoryServer::Reach::refuses_later;
  }
  CHECK(there.worker.ask(get("/r")).last().status() == 502);
  for (const Side side : kSides) {
    for (const ServerCounters& server : there.worker.counted().servers[index_of(side)]) {
      CHECK(server.connect_failures.get() == 1);
    }
  }
  CHECK(there.worker.ask(post("/w", "x")).last().status() == 502);
  for (const Side side : kSides) {
    for (const ServerCounters& server : there.worker.counted().servers[index_of(side)]) {
      CHECK(server.connect_failures.get() == (side == Side::primary ? 2 : 1));
    }
  }
}

TEST_CASE("on the backup nothing goes to the primary, however unhealthy the backup is") {
  const Mode mode = GENERATE(Mode::backup_readonly, Mode::backup_writable);
  TwoAndTwo there({kBackup, kBackup2}, mode);
  for (int i = 0; i < 5; ++i) CHECK(there.worker.ask(get("/r")).last().body.find("10.9.0.") == 0);
  there.worker.backup().reach = there.worker.network.server("10.9.0.2:80").reach = MemoryServer::Reach::refuses_later;
  for (auto& connection : there.worker.backup().connections) connection->reset();
  for (auto& connection : there.worker.network.server("10.9.0.2:80").connections) connection->reset();
  CHECK(there.worker.ask(get("/r")).last().status() == 502);
  CHECK(there.worker.primary(0).connection_count() + there.worker.primary(1).connection_count() == 0);
}

TEST_CASE("of two servers the less busy one gets the next request") {
  SimulatedWorker worker;
  for (int i = 0; i < 10; ++i) {
    worker.ask(get("/a"));
    worker.ask(get("/b"));
    CHECK(worker.counted().servers[0][0].in_flight.get() == worker.counted().servers[0][1].in_flight.get());
  }
}

TEST_CASE("a server that has just recovered gets its share little by little") {
  SimulatedWorker worker;
  worker.answer_everything();
  set_health(worker, kSecond, Health::unhealthy);
  worker.run();
  set_health(worker, kSecond, Health::healthy);
  const auto share = [&] {
    const size_t before = worker.primary(1).requests.size();
    for (int i = 0; i < 200; ++i) worker.ask(get("/r"));
    return worker.primary(1).requests.size() - before;
  };
  CHECK(share() < 20);
  worker.advance(5'000);
  const size_t in_the_middle = share();
  CHECK(in_the_middle > 35);
  CHECK(in_the_middle < 95);
  worker.advance(5'000);
  const size_t at_last = share();
  CHECK(at_last > 70);
  CHECK(at_last < 130);
}

TEST_CASE("the idle connections of a server that became unhealthy are closed when the next request passes it over") {
  SimulatedWorker worker(one_primary_server());
  worker.answer_everything();
  worker.ask(get("/1"));
  REQUIRE(worker.counted().servers[0][0].pooled.get() == 1);
  set_health(worker, kFirst, Health::unhealthy);
  CHECK(worker.ask(get("/2")).last().body == "backup GET /2 ");
  CHECK(worker.counted().servers[0][0].pooled.get() == 0);
  CHECK(worker.primary().last().is_over());
}

TEST_CASE("a server that is unhealthy only by its checks keeps its new connections") {
  SimulatedWorker worker({{}, {Mode::backup_readonly}});
  worker.answer_everything();
  worker.ask(get("/1"));
  set_health(worker, kBackup, Health::unhealthy);
  for (int i = 0; i < 5; ++i) CHECK(worker.ask(get("/2")).last().body == "backup GET /2 ");
  CHECK(worker.backup().connection_count() == 2);
  set_health(worker, kBackup, Health::healthy);
  worker.ask(get("/3"));
  CHECK(worker.backup().connection_count() == 2);
  set_health(worker, kBackup, Health::unhealthy);
  worker.ask(get("/4"));
  CHECK(worker.backup().connection_count() == 3);
}

TEST_CASE("want of descriptors, ports or memory is answered 503 and says nothing about a server") {
  const int error = GENERATE(EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL);
  const std::string request = GENERATE(get("/r"), post("/w", "x"));
  SimulatedWorker worker(one_primary_server());
  worker.answer_everything();
  worker.primary().reach = MemoryServer::Reach::refuses_at_once;
  worker.primary().refusal = error;
  SimulatedClient& client = worker.ask(request);
  CHECK(client.last().status() == 503);
  CHECK(client.last().has_field("Retry-After"));
  CHECK(worker.observer.suspects.empty());
  CHECK(worker.backup().connection_count() == 0);
  CHECK(worker.counted().servers[0][0].connect_failures.get() == 0);
  CHECK(worker.ledger.uncertain.empty());
  worker.primary().reach = MemoryServer::Reach::accepts;
  client.send(request);
  worker.run();
  CHECK(client.last().status() == 200);
}

TEST_CASE("where one server wants a port the next one of its side is tried, and its failure counts as ever") {
  SimulatedWorker worker;
  worker.answer_everything();
  for (int i = 0; i < 2; ++i) {
    worker.primary(i).reach = MemoryServer::Reach::refuses_at_once;
    worker.primary(i).refusal = EADDRNOTAVAIL;
  }
  set_health(worker, kSecond, Health::unhealthy);
  worker.primary(1).reach = MemoryServer::Reach::accepts;
  CHECK(worker.ask(post("/w", "x")).last().body == "primary POST /w x");
  for (auto& connection : worker.primary(1).connections) connection->reset();
  worker.primary(1).reach = MemoryServer::Reach::refuses_later;
  CHECK(worker.ask(get("/r")).last().body == "backup GET /r ");
}
