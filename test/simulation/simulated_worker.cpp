#include "simulation/simulated_worker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace halfdoor {

namespace {

constexpr int64_t kStartMs = 1'000'000;
constexpr int64_t kStepMs = 20;
// Nothing that a test starts takes more turns than this: it would be a loop that feeds itself.
constexpr int kMostTurns = 200'000;

std::shared_ptr<const Snapshot> make_snapshot(const SimulatedWorker::Options& options) {
  auto config = std::make_shared<Config>();
  config->listeners.push_back({Address::parse("192.0.2.80:80").value(), {}});
  ServiceConfig service;
  service.name = "salon";
  const auto server = [](const char* name) { return ServerConfig{name, Address::parse(name).value()}; };
  service.sides[index_of(Side::primary)].servers = {server("10.0.0.1:80"), server("10.0.0.2:80")};
  service.sides[index_of(Side::backup)].servers = {server("10.9.0.1:80")};
  config->services.push_back(service);
  if (options.configure) options.configure(*config);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = 1;
  snapshot->base = std::make_shared<ConfigGeneration>(config);
  snapshot->addresses = std::make_shared<ServerAddresses>(*config);
  for (size_t i = 0; i < config->services.size(); ++i) {
    ServiceState state;
    state.mode = i < options.modes.size() ? options.modes[i] : Mode::primary;
    state.mode_field = make_mode_field(state.mode, state.epoch);
    snapshot->states.push_back(state);
  }
  return snapshot;
}

}  // namespace

std::vector<WireMessage> SimulatedClient::messages(const std::string& methods) const {
  std::vector<WireMessage> all;
  std::string_view rest = peer.received();
  size_t answered = 0;
  while (true) {
    const bool is_head = answered < methods.size() && methods[answered] == 'H';
    const auto message = cut_message(rest, {true, is_head, peer.is_over()});
    if (!message) return all;
    all.push_back(*message);
    if (message->status() >= 200) ++answered;
    rest.remove_prefix(message->size);
  }
}

WireMessage SimulatedClient::last(const std::string& methods) const {
  const auto all = messages(methods);
  return all.empty() ? WireMessage{} : all.back();
}

SimulatedWorker::SimulatedWorker(const Options& options)
    : snapshot(make_snapshot(options)),
      wheel(kStartMs),
      counters(snapshot->config()),
      own_health(options.health == nullptr ? std::make_unique<HealthBoard>(snapshot->config()) : nullptr),
      health(options.health == nullptr ? *own_health : *options.health),
      clock_(wheel) {
  core = std::make_unique<WorkerCore>(
      WorkerCoreOptions{0, snapshot, &observer, &ledger, &access_log, &counters, &clock_, options.most_connections,
                        options.most_memory, options.client_counts, &health, 42},
      wheel, network);
}

SimulatedWorker::~SimulatedWorker() = default;

void SimulatedWorker::answer_everything() {
  const auto answer_as = [](std::string name) {
    return [name](const WireMessage& request, MemoryPeer&) {
      return reply(200, name + " " + request.method() + " " + request.target() + " " + request.body);
    };
  };
  primary(0).answer = answer_as("primary");
  primary(1).answer = answer_as("primary");
  backup().answer = answer_as("backup");
}

SimulatedClient& SimulatedWorker::connect(const std::string& from, size_t to_proxy_capacity,
                                          size_t to_client_capacity) {
  MemoryPeer& peer = network.add_client();
  auto& connection = peer.connection();
  connection.to_proxy_capacity = to_proxy_capacity;
  connection.to_peer_capacity = to_client_capacity;
  clients_.push_back(std::make_unique<SimulatedClient>(peer));
  core->accept(peer.make_stream(), 0, Address::parse(from).value(), "192.0.2.80:80");
  return *clients_.back();
}

SimulatedClient& SimulatedWorker::ask(std::string_view request) {
  SimulatedClient& client = connect();
  client.send(request);
  run();
  return client;
}

bool SimulatedWorker::turn() {
  const bool moved = network.pump();
  const bool called = network.deliver();
  const bool had_work = core->has_work();
  core->resume();
  core->fire_deadlines();
  core->flush();
  core->dispose();
  return moved || called || had_work;
}

void SimulatedWorker::run() {
  // What the last turn wrote, or a test did before it, shows in the next one.
  int turns = 0;
  for (int idle = 0; idle < 2; ++turns) {
    idle = turn() ? 0 : idle + 1;
    HALFDOOR_CHECK(turns < kMostTurns);
  }
}

void SimulatedWorker::advance(int64_t ms) {
  for (const int64_t until = wheel.now_ms() + ms; wheel.now_ms() < until;) {
    wheel.set_now(std::min(until, wheel.now_ms() + kStepMs));
    run();
  }
}

void SimulatedWorker::apply(Mode mode, size_t service, bool diverged) {
  auto next = std::make_shared<Snapshot>(*snapshot);
  ++next->generation;
  ServiceState& state = next->states[service];
  state.mode = mode;
  state.diverged = diverged;
  ++state.epoch;
  state.mode_field = make_mode_field(mode, state.epoch);
  snapshot = next;
  core->apply(snapshot);
}

void SimulatedWorker::apply_same() {
  auto next = std::make_shared<Snapshot>(*snapshot);
  ++next->generation;
  snapshot = next;
  core->apply(snapshot);
}

void SimulatedWorker::use_addresses(std::shared_ptr<const ServerAddresses> addresses) {
  auto next = std::make_shared<Snapshot>(*snapshot);
  ++next->generation;
  next->addresses = std::move(addresses);
  snapshot = next;
  core->apply(snapshot);
}

std::string get(std::string_view path, std::string_view more_fields) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: salon.example\r\n" + std::string(more_fields) + "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view more_fields) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: salon.example\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_fields) + "\r\n" + std::string(body);
}

std::string reply(int status, std::string_view body, std::string_view more_fields) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_fields) + "\r\n" + std::string(body);
}

}  // namespace halfdoor
