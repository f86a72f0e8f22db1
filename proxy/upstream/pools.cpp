#include "upstream/pools.h"

#include <algorithm>
#include <utility>

namespace halfdoor {

Pools::Pools(const UpstreamEnvironment& environment, Connector& connector, const Config& config,
             WorkerCounters& counters)
    : environment_(environment), connector_(connector), config_(config), counters_(counters) {
  limits_.start_line = config.limits.response_head;
  limits_.head = config.limits.response_head;
  limits_.fields = config.limits.response_fields;
  limits_.chunk_line = config.limits.chunk_line;
  limits_.chunk_extensions = config.limits.chunk_extensions;
  idle_.resize(config.services.size());
  for (size_t service = 0; service < config.services.size(); ++service) {
    for (Side side : kSides) {
      idle_[service][index_of(side)].resize(config.services[service].side(side).servers.size());
    }
  }
}

std::unique_ptr<UpstreamConnection> Pools::take_idle(ServerId server, bool fresh_only) {
  Idle& connections = idle(server);
  while (!connections.empty()) {
    UpstreamConnection& last = *connections.back();
    const int64_t idle_ms = environment_.wheel.now_ms() - last.last_used_ms();
    // The last is the freshest: if it is too old, so are all the others.
    if (fresh_only && idle_ms > config_.timeouts.pool_fresh.count()) return nullptr;
    std::unique_ptr<UpstreamConnection> taken = std::move(connections.back());
    connections.pop_back();
    counters(server).pooled.subtract();
    if (taken->looks_alive()) return taken;
    discard(std::move(taken), false);
  }
  return nullptr;
}

std::unique_ptr<UpstreamConnection> Pools::connect(ServerId server, int& error) {
  const ServerConfig& config = config_.services[server.service].side(server.side).servers[server.server];
  error = 0;
  if (!config.address) return nullptr;
  counters(server).connects.add();
  std::unique_ptr<Stream> stream = connector_.connect(*config.address, error);
  if (stream == nullptr) return nullptr;
  return std::make_unique<UpstreamConnection>(environment_, *this, server, limits_, std::move(stream));
}

void Pools::give_back(std::unique_ptr<UpstreamConnection> connection, int64_t idle_ms) {
  const int64_t most_ms = config_.timeouts.pool_idle.count();
  const ServerId server = connection->server();
  connection->detach();
  connection->wait_idle(idle_ms < 0 ? most_ms : std::min(most_ms, idle_ms));
  idle(server).push_back(std::move(connection));
  counters(server).pooled.add();
}

void Pools::discard(std::unique_ptr<UpstreamConnection> connection, bool by_reset) {
  connection->close(by_reset);
  environment_.turn.dispose(std::move(connection));
}

void Pools::drop_idle(UpstreamConnection& connection) {
  Idle& connections = idle(connection.server());
  const auto found = std::find_if(connections.begin(), connections.end(),
                                  [&](const auto& candidate) { return candidate.get() == &connection; });
  HALFDOOR_CHECK(found != connections.end());
  std::unique_ptr<UpstreamConnection> dropped = std::move(*found);
  connections.erase(found);
  counters(dropped->server()).pooled.subtract();
  discard(std::move(dropped), false);
}

void Pools::retire(Idle& connections) {
  while (!connections.empty()) drop_idle(*connections.back());
}

void Pools::retire(uint16_t service, Side side) {
  for (Idle& connections : idle_[service][index_of(side)]) retire(connections);
}

void Pools::retire_all() {
  for (size_t service = 0; service < idle_.size(); ++service) {
    for (Side side : kSides) retire(static_cast<uint16_t>(service), side);
  }
}

}  // namespace halfdoor
