#include "upstream/pools.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace halfdoor {

namespace {

// For each of several addresses of one server: enough for a handshake over any sensible distance, a lost packet apart.
constexpr int64_t kLeastPatienceMs = 250;

bool is_out_of_descriptors(int error) { return error == EMFILE || error == ENFILE; }

}  // namespace

bool is_local_shortage(int error) {
  return is_out_of_descriptors(error) || error == ENOMEM || error == ENOBUFS || error == EADDRNOTAVAIL;
}

Pools::Pools(const UpstreamEnvironment& environment, Connector& connector, const Config& config,
             std::shared_ptr<const ServerAddresses> addresses, WorkerCounters& counters, HealthBoard& health,
             uint64_t most)
    : environment_(environment),
      connector_(connector),
      config_(config),
      counters_(counters),
      health_(health),
      most_(most),
      addresses_(std::move(addresses)) {
  limits_.start_line = config.limits.response_head;
  limits_.head = config.limits.response_head;
  limits_.fields = config.limits.response_fields;
  limits_.chunk_line = config.limits.chunk_line;
  limits_.chunk_extensions = config.limits.chunk_extensions;
  pools_.resize(config.services.size());
  for (size_t service = 0; service < config.services.size(); ++service) {
    for (Side side : kSides) {
      pools_[service][index_of(side)] = std::vector<ServerPool>(config.services[service].side(side).servers.size());
    }
  }
}

Pools::~Pools() {
  while (!all_idle_.empty()) evict_oldest();
}

std::unique_ptr<UpstreamConnection> Pools::take_idle(ServerId server, bool fresh_only) {
  Idle& connections = pool(server).idle;
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
  const AddressList& addresses = addresses_of(server);
  error = 0;
  if (addresses.empty()) return nullptr;
  if (open_ >= most_ && !all_idle_.empty()) evict_oldest();
  Route route{addresses[pool(server).preferred], addresses.size() - 1, 0, address_changes_};
  if (route.others > 0) {
    route.patience_ms =
        std::max(config_.timeouts.connect.count() / static_cast<int64_t>(addresses.size()), kLeastPatienceMs);
  }
  std::unique_ptr<Stream> stream = open_stream(server, route.address, error);
  if (stream == nullptr) stream = connect_elsewhere(server, route, error);
  if (stream == nullptr) return nullptr;
  ++open_;
  return std::make_unique<UpstreamConnection>(environment_, *this, server, limits_, health_.at(server).silence(),
                                              std::move(stream), route);
}

std::unique_ptr<Stream> Pools::connect_elsewhere(ServerId server, Route& route, int& error) {
  const AddressList& addresses = addresses_of(server);
  for (; route.others > 0 && !addresses.empty();) {
    --route.others;
    const auto failed = std::find(addresses.begin(), addresses.end(), route.address);
    route.address = failed == addresses.end() || failed + 1 == addresses.end() ? addresses.front() : *(failed + 1);
    route.fits_since = address_changes_;
    if (std::unique_ptr<Stream> stream = open_stream(server, route.address, error)) return stream;
  }
  return nullptr;
}

std::unique_ptr<Stream> Pools::open_stream(ServerId server, const Address& address, int& error) {
  counters(server).connects.add();
  std::unique_ptr<Stream> stream = connector_.connect(address, error);
  if (stream != nullptr || !is_out_of_descriptors(error)) return stream;
  complain(error);
  if (all_idle_.empty()) return nullptr;
  evict_oldest();
  return connector_.connect(address, error);
}

void Pools::prefer(ServerId server, const Address& address) {
  const AddressList& addresses = addresses_of(server);
  const auto found = std::find(addresses.begin(), addresses.end(), address);
  if (found != addresses.end()) pool(server).preferred = static_cast<size_t>(found - addresses.begin());
}

bool Pools::still_fits(UpstreamConnection& connection) {
  if (connection.route().fits_since == address_changes_) return true;
  const AddressList& addresses = addresses_of(connection.server());
  if (std::find(addresses.begin(), addresses.end(), connection.route().address) == addresses.end()) return false;
  connection.note_that_it_fits(address_changes_);
  return true;
}

bool Pools::use(std::shared_ptr<const ServerAddresses> addresses) {
  if (addresses == addresses_) return false;
  const std::shared_ptr<const ServerAddresses> before = std::exchange(addresses_, std::move(addresses));
  ++address_changes_;
  for (size_t service = 0; service < pools_.size(); ++service) {
    for (const Side side : kSides) {
      auto& pools = pools_[service][index_of(side)];
      for (size_t server = 0; server < pools.size(); ++server) {
        const AddressList& now = addresses_->of(service, side, server);
        if (&now == &before->of(service, side, server)) continue;
        pools[server].preferred = 0;
        for (auto next = pools[server].idle.begin(); next != pools[server].idle.end();) {
          UpstreamConnection& connection = *next;
          ++next;
          if (!still_fits(connection)) drop_idle(connection);
        }
      }
    }
  }
  return true;
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
  if (!still_fits(*connection)) return discard(std::move(connection), false);
  connection->detach();
  connection->wait_idle(idle_ms < 0 ? most_ms : std::min(most_ms, idle_ms));
  pool(server).idle.push_back(*connection);
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
  for (ServerPool& pool : pools_[service][index_of(side)]) retire(pool.idle);
}

void Pools::retire_all() {
  for (size_t service = 0; service < pools_.size(); ++service) {
    for (Side side : kSides) retire(static_cast<uint16_t>(service), side);
  }
}

}  // namespace halfdoor
