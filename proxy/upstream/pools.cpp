#include "upstream/pools.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace halfdoor {

namespace {

bool is_out_of_descriptors(int error) { return error == EMFILE || error == ENFILE; }

}  // namespace

Pools::Pools(const UpstreamEnvironment& environment, Connector& connector, const Config& config,
             WorkerCounters& counters, uint64_t most)
    : environment_(environment), connector_(connector), config_(config), counters_(counters), most_(most) {
  limits_.start_line = config.limits.response_head;
  limits_.head = config.limits.response_head;
  limits_.fields = config.limits.response_fields;
  limits_.chunk_line = config.limits.chunk_line;
  limits_.chunk_extensions = config.limits.chunk_extensions;
  idle_.resize(config.services.size());
  for (size_t service = 0; service < config.services.size(); ++service) {
    for (Side side : kSides) {
      idle_[service][index_of(side)] = std::vector<Idle>(config.services[service].side(side).servers.size());
    }
  }
}

Pools::~Pools() {
  while (!all_idle_.empty()) evict_oldest();
}

std::unique_ptr<UpstreamConnection> Pools::take_idle(ServerId server, bool fresh_only) {
  Idle& connections = idle(server);
  while (!connections.empty()) {
    UpstreamConnection& last = connections.back();
    const int64_t idle_ms = environment_.wheel.now_ms() - last.last_used_ms();
    // The last is the freshest: if it is too old, so are all the others.
    if (fresh_only && idle_ms > config_.timeouts.pool_fresh.count()) return nullptr;
    std::unique_ptr<UpstreamConnection> taken = take_out(last);
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
  if (open_ >= most_ && !all_idle_.empty()) evict_oldest();
  std::unique_ptr<Stream> stream = connector_.connect(*config.address, error);
  if (stream == nullptr && is_out_of_descriptors(error)) {
    complain(error);
    if (all_idle_.empty()) return nullptr;
    evict_oldest();
    stream = connector_.connect(*config.address, error);
  }
  if (stream == nullptr) return nullptr;
  ++open_;
  return std::make_unique<UpstreamConnection>(environment_, *this, server, limits_, std::move(stream));
}

void Pools::complain(int error) {
  const int64_t now_ms = environment_.wheel.now_ms();
  if (now_ms < complains_next_ms_) return;
  complains_next_ms_ = now_ms + 1000;
  log_error("cannot open a connection to a server: {}; raise the limit of open files (LimitNOFILE=)",
            std::strerror(error));
}

void Pools::give_back(std::unique_ptr<UpstreamConnection> connection, int64_t idle_ms) {
  const int64_t most_ms = config_.timeouts.pool_idle.count();
  const ServerId server = connection->server();
  connection->detach();
  connection->wait_idle(idle_ms < 0 ? most_ms : std::min(most_ms, idle_ms));
  idle(server).push_back(*connection);
  all_idle_.push_back(*connection.release());  // owned through the list until take_out()
  counters(server).pooled.add();
}

void Pools::discard(std::unique_ptr<UpstreamConnection> connection, bool by_reset) {
  connection->close(by_reset);
  --open_;
  environment_.turn.dispose(std::move(connection));
}

std::unique_ptr<UpstreamConnection> Pools::take_out(UpstreamConnection& connection) {
  HALFDOOR_CHECK(connection.ListLink<Pools>::is_linked());
  connection.ListLink<Pools>::leave();
  connection.ListLink<ServerPoolTag>::leave();
  counters(connection.server()).pooled.subtract();
  return std::unique_ptr<UpstreamConnection>(&connection);
}

void Pools::evict_oldest() {
  // At once, not at the end of the turn: its descriptor is wanted now, and none of its functions is on the stack.
  const std::unique_ptr<UpstreamConnection> oldest = take_out(all_idle_.front());
  oldest->close(/*by_reset=*/false);
  --open_;
}

void Pools::drop_idle(UpstreamConnection& connection) { discard(take_out(connection), false); }

void Pools::retire(Idle& connections) {
  while (!connections.empty()) drop_idle(connections.front());
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
