// Random clients, servers, faults and switches from a seed; the promises as properties.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "simulation/simulated_worker.h"

using namespace halfdoor;

namespace {

class RandomDay {
 public:
  explicit RandomDay(unsigned seed) : random_(seed), worker_(options()) {
    worker_.ledger.slots = chance(10) ? 2 : 1000;
    for (MemoryServer* server : servers()) set_up(*server);
    worker_.ledger.on_begin = [this](const WriteIdentity& identity) {
      const Mode mode = worker_.snapshot->states[0].mode;
      CHECK(writes_pass(mode));
      CHECK(serving_side(mode) == identity.side);
    };
    worker_.observer.on_fenced_hook = [this] { check_fenced(); };
  }

  void pass(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      for (uint64_t turns = below(6); turns > 0; --turns) worker_.turn();
      check_fence_holds();
    }
  }

  void end() {
    for (MemoryServer* server : servers()) {
      server->reach = MemoryServer::Reach::accepts;
      server->answer = nullptr;
      for (auto& connection : server->connections) {
        connection->on_received = nullptr;
        connection->connection().most_per_write = SIZE_MAX;
        chance(50) ? connection->reset() : connection->close();
      }
    }
    worker_.advance(70'000);
    for (auto& client : clients_) {
      check_answers(client);
      client.end->peer.close();
    }
    worker_.advance(130'000);
    check_writes();
    CHECK(worker_.ledger.violations.empty());
    CHECK(worker_.ledger.open.empty());
    CHECK(worker_.counters.exchanges.get() == 0);
    CHECK(worker_.counters.connections.get() == 0);
    CHECK(worker_.core->blocks().in_use() == 0);
    CHECK(worker_.counted().second_guard.get() == 0);
    CHECK(worker_.counted().uncertain.get() == worker_.ledger.uncertain.size());
    uint64_t responses = 0;
    for (const Counter& counter : worker_.counted().responses) responses += counter.get();
    CHECK(responses == worker_.counted().requests.get());
    for (Side side : kSides) {
      for (const ServerCounters& server : worker_.counted().servers[index_of(side)]) {
        CHECK(server.in_flight.get() == 0);
        CHECK(server.pooled.get() == 0);
      }
    }
  }

 private:
  struct Client {
    SimulatedClient* end;
    std::vector<std::string> asked;  // "GET /7"
    std::string methods;             // for SimulatedClient::messages
    std::string unsent;
  };

  static SimulatedWorker::Options options() {
    return {[](Config& config) { config.limits.buffer = 4096; }, {}, 8};
  }
  uint64_t below(uint64_t limit) { return random_() % limit; }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::vector<MemoryServer*> servers() { return {&worker_.primary(0), &worker_.primary(1), &worker_.backup()}; }

  void set_up(MemoryServer& server) {
    server.to_server_capacity = chance(50) ? 300 : 64 << 10;
    server.on_connect = [this](MemoryPeer& peer) {
      if (chance(20)) peer.connection().most_per_write = 1 + below(100);
      if (chance(3)) peer.close();
    };
    server.answer = [this](const WireMessage& request, MemoryPeer& peer) { return answer(request, peer); };
  }

  std::string answer(const WireMessage& request, MemoryPeer& peer) {
    const std::string body = request.method() == "HEAD" ? "" : request.target() + std::string(below(3) * 5000, '.');
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char size[20];
    std::snprintf(size, sizeof(size), "%zx\r\n", body.size());
    switch (below(12)) {
      case 0: held_.push_back({&peer, reply(200, body)}); return {};
      case 1: peer.close(); return {};
      case 2: peer.reset(); return {};
      case 3: return "HTTP/1.1 100 Continue\r\n\r\n" + reply(200, body);
      case 4: return reply(200, body) + (chance(20) ? "surplus" : "");
      case 5: return body.empty() ? reply(204, "") : chunked + size + body + "\r\n0\r\n\r\n";
      case 6: {
        const std::string whole = reply(200, body + "!");
        peer.send(whole.substr(0, below(whole.size())));
        chance(50) ? peer.close() : void();
        return {};
      }
      case 7: return "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n";
      default: return reply(200, body, chance(10) ? "Connection: close\r\n" : "");
    }
  }

  void step() {
    switch (below(20)) {
      case 0:
      case 1: open(); break;
      case 2:
      case 3:
      case 4: ask(); break;
      case 5:
      case 6:
      case 7: send_some(); break;
      case 8:
        if (clients_.empty()) break;
        if (chance(20)) chance(50) ? any().end->peer.reset() : any().end->peer.close();
        break;
      case 9:
        if (clients_.empty()) break;
        chance(30) ? any().end->peer.stop_reading() : any().end->peer.read_on();
        break;
      case 10: servers()[below(3)]->reach = static_cast<MemoryServer::Reach>(chance(60) ? 0 : below(4)); break;
      case 11:
        if (chance(30)) change_mode();
        break;
      case 12:
        if (held_.empty()) break;
        held_.back().first->send(held_.back().second);
        held_.pop_back();
        break;
      case 13: worker_.advance(static_cast<int64_t>(below(chance(5) ? 15'000 : 1'500))); break;
      default:
        // A busy client: asks and sends all of it.
        if (clients_.empty()) break;
        ask();
        send_some();
        break;
    }
  }

  void change_mode() {
    fenced_ = false;
    worker_.apply(chance(50) ? Mode::primary : kModes[below(kModes.size())]);
  }

  // One that is still connected, as a rule.
  Client& any() {
    for (int i = 0; i < 20; ++i) {
      Client& client = clients_[below(clients_.size())];
      if (!client.end->is_over()) return client;
    }
    return clients_.back();
  }

  void open() {
    const auto is_open = [](const Client& client) { return !client.end->is_over(); };
    if (std::count_if(clients_.begin(), clients_.end(), is_open) >= 9) return;
    clients_.push_back(
        {&worker_.connect("192.0.2.1:1", chance(50) ? 200 : 64 << 10, chance(50) ? 200 : 64 << 10), {}, "", ""});
  }

  void ask() {
    if (clients_.empty()) return;
    Client& client = any();
    const std::string id = "/" + std::to_string(++last_id_) + "/";
    const uint64_t kind = below(4);
    client.asked.push_back((kind == 0 ? "HEAD " : kind == 1 ? "GET " : "POST ") + id);
    client.methods += kind == 0 ? "H" : "x";
    const std::string body(below(3) * below(9000), 'b');
    char size[20];
    std::snprintf(size, sizeof(size), "%zx\r\n", body.size());
    if (kind == 0) client.unsent += "HEAD " + id + " HTTP/1.1\r\nHost: a\r\n\r\n";
    if (kind == 1) client.unsent += get(id);
    if (kind == 2) client.unsent += post(id, body, chance(10) ? "Connection: close\r\n" : "");
    if (kind == 3) {
      client.unsent += "POST " + id + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
      client.unsent += (body.empty() ? "" : size + body + "\r\n") + (chance(3) ? "zz" : "0\r\n\r\n");
    }
  }

  void send_some() {
    if (clients_.empty()) return;
    Client& client = any();
    const size_t bytes = chance(60) ? client.unsent.size() : below(client.unsent.size() + 1);
    client.end->send(client.unsent.substr(0, bytes));
    client.unsent.erase(0, bytes);
  }

  // Bytes that went to a side; the connections of a side that are still held.
  std::pair<uint64_t, size_t> use_of(Side side) {
    uint64_t bytes = 0;
    size_t open = 0;
    const auto all = servers();
    for (MemoryServer* server : side == Side::primary ? std::vector{all[0], all[1]} : std::vector{all[2]}) {
      for (auto& connection : server->connections) {
        bytes += connection->connection().written_by_proxy;
        open += connection->connection().stream != nullptr ? 1 : 0;
      }
    }
    return {bytes, open};
  }

  static bool is_out_of_use(Mode mode, Side side) {
    return serving_side(mode) != side && !(side == Side::backup && may_fall_back(mode, false));
  }

  void check_fenced() {
    fenced_ = true;
    const Mode mode = worker_.snapshot->states[0].mode;
    for (Side side : kSides) {
      bytes_at_fence_[index_of(side)] = use_of(side).first;
      if (is_out_of_use(mode, side)) CHECK(use_of(side).second == 0);
    }
  }

  void check_fence_holds() {
    const Mode mode = worker_.snapshot->states[0].mode;
    for (Side side : kSides) {
      if (fenced_ && is_out_of_use(mode, side)) CHECK(use_of(side).first == bytes_at_fence_[index_of(side)]);
    }
  }

  // Every answer belongs to its own request, and nobody is told to try again what a server may have.
  void check_answers(Client& client) {
    size_t index = 0;
    for (const WireMessage& message : client.end->messages(client.methods)) {
      if (message.status() < 200) continue;
      if (index >= client.asked.size()) {
        CHECK(message.status() >= 400);
        continue;
      }
      const std::string& asked = client.asked[index++];
      const std::string id = asked.substr(asked.find(' ') + 1);
      if (message.status() == 200 && asked[0] != 'H' && !message.is_cut) CHECK(message.body.starts_with(id));
      if (message.has_field("Retry-After")) told_not_saved_.insert(asked);
    }
  }

  void check_writes() {
    std::map<std::string, int> seen;
    for (MemoryServer* server : servers()) {
      for (const WireMessage& request : server->requests) ++seen[request.method() + " " + request.target()];
      for (auto& connection : server->connections) {
        const std::string& rest = connection->received();
        if (const size_t end = rest.find(" HTTP/1.1\r\n"); end != std::string::npos) ++seen[rest.substr(0, end)];
      }
    }
    for (const auto& [request, count] : seen) {
      if (!request.starts_with("POST")) continue;
      CAPTURE(request);
      CHECK(count == 1);
      CHECK_FALSE(told_not_saved_.contains(request));
    }
    std::set<std::string> uncertain;
    for (const auto& write : worker_.ledger.uncertain) CHECK(uncertain.insert(write.entry.path).second);
  }

  std::mt19937 random_;
  SimulatedWorker worker_;
  std::vector<Client> clients_;
  std::vector<std::pair<MemoryPeer*, std::string>> held_;
  std::set<std::string> told_not_saved_;
  uint64_t bytes_at_fence_[2] = {0, 0};
  bool fenced_ = false;
  int last_id_ = 0;
};

}  // namespace

TEST_CASE("the promises hold whatever clients, servers and operators do") {
  const unsigned seed = GENERATE(range(1U, 101U));
  CAPTURE(seed);
  RandomDay day(seed);
  day.pass(600);
  day.end();
}
