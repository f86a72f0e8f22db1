// Several addresses of one server, and what a change of them does to connections.
#include <catch2/catch.hpp>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

constexpr char kFirst[] = "10.0.0.11:80";
constexpr char kSecond[] = "10.0.0.12:80";
constexpr char kThird[] = "10.0.0.13:80";

SimulatedWorker::Options given_by_name() {
  return {[](Config& config) {
            config.services[0].sides[0].servers = {{"app.internal:80", std::nullopt}};
            config.timeouts.connect = Milliseconds(3'000);
          },
          {}};
}

void resolve(SimulatedWorker& worker, const std::vector<std::string>& addresses) {
  AddressList list;
  for (const std::string& text : addresses) list.push_back(Address::parse(text).value());
  auto next = std::make_shared<ServerAddresses>(*worker.snapshot->addresses);
  next->set(0, Side::primary, 0, std::move(list));
  worker.use_addresses(std::move(next));
  worker.run();
}

// "app.internal:80" at these addresses; each answers with its own.
struct NamedServer : SimulatedWorker {
  explicit NamedServer(const std::vector<std::string>& addresses) : SimulatedWorker(given_by_name()) {
    answer_everything();
    for (const char* address : {kFirst, kSecond, kThird}) {
      network.server(address).answer = [address](const WireMessage& request, MemoryPeer&) {
        return request.target() == "/slow" ? "" : reply(200, address);
      };
    }
    if (!addresses.empty()) resolve(*this, addresses);
  }
  std::string served_by(std::string_view request = get("/")) { return ask(request).last().body; }
  size_t connections(const char* address) { return network.server(address).connection_count(); }
  uint64_t pooled() { return counted().servers[0][0].pooled.get(); }
};

}  // namespace

TEST_CASE("a server without an address counts as one that cannot be connected to") {
  NamedServer worker({});
  CHECK(worker.served_by() == "backup GET / ");
  CHECK(worker.ask(post("/w", "x")).last().status() == 502);
  CHECK(worker.counted().servers[0][0].connect_failures.get() == 2);
  CHECK(worker.counted().servers[0][0].connects.get() == 0);
  CHECK(worker.writes_open() == 0);
  resolve(worker, {kFirst});
  CHECK(worker.served_by() == kFirst);
}

TEST_CASE("the next address of a server is tried before the server counts as failed, and is remembered") {
  const auto reach = GENERATE(MemoryServer::Reach::refuses_at_once, MemoryServer::Reach::refuses_later);
  NamedServer worker({kFirst, kSecond, kThird});
  worker.network.server(kFirst).reach = worker.network.server(kSecond).reach = reach;
  CHECK(worker.ask(post("/w", "x")).last().body == kThird);
  CHECK(worker.counted().servers[0][0].connect_failures.get() == 0);
  CHECK(worker.counted().servers[0][0].connects.get() == 3);
  const size_t tried = worker.connections(kFirst) + worker.connections(kSecond);
  worker.advance(5'000);
  REQUIRE(worker.pooled() == 0);
  // Now that it was good, it comes first; the others come back into play when it fails.
  CHECK(worker.served_by() == kThird);
  CHECK(worker.connections(kFirst) + worker.connections(kSecond) == tried);
  worker.advance(5'000);
  worker.network.server(kThird).reach = reach;
  worker.network.server(kFirst).reach = MemoryServer::Reach::accepts;
  CHECK(worker.served_by() == kFirst);
}

TEST_CASE("a server fails when every address of it does, within timeouts.connect") {
  const auto reach = GENERATE(MemoryServer::Reach::refuses_at_once, MemoryServer::Reach::refuses_later,
                              MemoryServer::Reach::is_silent);
  NamedServer worker({kFirst, kSecond});
  worker.network.server(kFirst).reach = worker.network.server(kSecond).reach = reach;
  SimulatedClient& client = worker.ask(post("/w", "x"));
  worker.advance(3'100);
  CHECK(client.last().status() == (reach == MemoryServer::Reach::is_silent ? 504 : 502));
  CHECK(worker.counted().servers[0][0].connects.get() == 2);
  CHECK(worker.counted().servers[0][0].connect_failures.get() == 1);
  CHECK(worker.writes_open() == 0);
  CHECK(worker.ledger.uncertain.empty());
}

TEST_CASE("an address that does not answer has its share of timeouts.connect") {
  NamedServer worker({kFirst, kSecond});
  worker.network.server(kFirst).reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(post("/w", "x"));
  worker.advance(1'400);
  CHECK(worker.connections(kSecond) == 0);
  worker.advance(200);
  CHECK(client.last().body == kSecond);
  // The connection that never came to be is given up.
  CHECK(worker.network.server(kFirst).last().is_over());
}

TEST_CASE("idle connections to an address that is gone are closed, those that still fit stay") {
  NamedServer worker({kFirst});
  CHECK(worker.served_by() == kFirst);
  REQUIRE(worker.pooled() == 1);
  resolve(worker, {kSecond, kFirst});
  CHECK(worker.pooled() == 1);
  CHECK(worker.served_by() == kFirst);
  CHECK(worker.connections(kFirst) == 1);
  resolve(worker, {kSecond});
  CHECK(worker.pooled() == 0);
  CHECK(worker.network.server(kFirst).last().is_over());
  CHECK(worker.served_by() == kSecond);
}

TEST_CASE("a connection in use finishes its exchange, and is pooled only if its address still fits") {
  const bool fits = GENERATE(true, false);
  NamedServer worker({kFirst});
  SimulatedClient& client = worker.ask(get("/slow"));
  REQUIRE(worker.connections(kFirst) == 1);
  resolve(worker, fits ? std::vector<std::string>{kSecond, kFirst} : std::vector<std::string>{kSecond});
  CHECK_FALSE(worker.network.server(kFirst).last().is_over());
  worker.network.server(kFirst).last().send(reply(200, "late"));
  worker.run();
  CHECK(client.last().body == "late");
  CHECK(worker.pooled() == (fits ? 1 : 0));
  CHECK(worker.network.server(kFirst).last().is_over() == !fits);
}

TEST_CASE("addresses that go while a connection is being made are not tried") {
  NamedServer worker({kFirst, kSecond});
  worker.network.server(kFirst).reach = MemoryServer::Reach::is_silent;
  SimulatedClient& client = worker.ask(post("/w", "x"));
  resolve(worker, {kThird});
  worker.advance(1'600);
  CHECK(client.last().body == kThird);
  CHECK(worker.connections(kSecond) == 0);
}

TEST_CASE("other addresses are no other generation: nothing is judged again, however often names change") {
  NamedServer worker({kFirst});
  worker.ask(get("/slow"));
  const auto begun = worker.observer.applied.size();
  for (int i = 0; i < 30; ++i) resolve(worker, {i % 2 == 0 ? kSecond : kFirst});
  CHECK(worker.core->generations() == 1);
  CHECK(worker.observer.applied.size() == begun + 30);
  CHECK(worker.observer.applied.back().services[0].epoch == 1);
  CHECK(worker.observer.fenced.empty());
}

TEST_CASE("a mode and other addresses in one snapshot both take effect") {
  NamedServer worker({kFirst});
  auto addresses = std::make_shared<ServerAddresses>(*worker.snapshot->addresses);
  addresses->set(0, Side::backup, 0, {Address::parse(kThird).value()});
  auto next = std::make_shared<Snapshot>(*worker.snapshot);
  ++next->generation;
  next->addresses = std::move(addresses);
  next->states[0].mode = Mode::backup_readonly;
  ++next->states[0].epoch;
  worker.snapshot = next;
  worker.core->apply(next);
  worker.run();
  CHECK(worker.served_by() == kThird);
  CHECK(worker.observer.order.back() == "fenced 0:2");
}

TEST_CASE("a mode that follows new addresses is applied as ever") {
  NamedServer worker({kFirst});
  SimulatedClient& client = worker.ask(post("/slow", "x"));
  resolve(worker, {kSecond});
  worker.apply(Mode::backup_readonly);
  worker.run();
  CHECK(worker.observer.applied.back().services[0].writes_draining == 1);
  worker.network.server(kFirst).last().send(reply(200, "done"));
  worker.run();
  CHECK(client.last().status() == 200);
  CHECK(worker.observer.fenced.size() == 1);
}
