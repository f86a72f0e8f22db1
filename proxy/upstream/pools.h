// Pools: the connections of a worker that wait for their next exchange, per server, last in, first out; how many there
// are altogether; and which address of a server is connected to.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "config/config.h"
#include "config/server_addresses.h"
#include "event/connector.h"
#include "upstream/connection.h"
#include "upstream/counters.h"
#include "upstream/health_board.h"

namespace halfdoor {

// No connection could be begun for want of something here (descriptors, memory, ports), whatever the server is like.
bool is_local_shortage(int error);

// Belongs to its worker's thread. A connection belongs to a side and never serves another.
class Pools {
 public:
  // `most`: connections at a time, waiting and in use. Over it the one that has waited longest is closed for a new one;
  // that those in use are fewer is for the worker to see to.
  Pools(const UpstreamEnvironment& environment, Connector& connector, const Config& config,
        std::shared_ptr<const ServerAddresses> addresses, WorkerCounters& counters, HealthBoard& health, uint64_t most);
  ~Pools();
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  // The most recently used idle connection; null if there is none. With `fresh_only`, only one used within
  // timeouts.pool_fresh on which nothing has come or ended: for requests that may not be re-sent.
  std::unique_ptr<UpstreamConnection> take_idle(ServerId server, bool fresh_only);
  // A new one, still connecting: to the address of the server that was good last time, and to the others in turn if
  // that fails. Null: it failed at once, `error` is an errno; 0: the server has no address.
  std::unique_ptr<UpstreamConnection> connect(ServerId server, int& error);
  // After a complete exchange. `idle_ms`: at most so long, as the server said; negative: it said nothing. Closed
  // instead if its address is no longer one of the server's.
  void give_back(std::unique_ptr<UpstreamConnection> connection, int64_t idle_ms);
  // Closes a connection that its user gives up; it is destroyed at the end of the turn.
  void discard(std::unique_ptr<UpstreamConnection> connection, bool by_reset);

  // From now on connections are made to these; idle ones to an address that is not among them are closed. Returns
  // whether they are others.
  bool use(std::shared_ptr<const ServerAddresses> addresses);

  // Closes what is idle to this server, to this side of a service, or to all.
  void retire(ServerId server) { retire(pool(server).idle); }
  void retire(uint16_t service, Side side);
  void retire_all();
  // For the connection itself: it has waited long enough, or the server has closed it.
  void drop_idle(UpstreamConnection& connection);
  // For one that is connecting: a stream to the next address of its server. Null: there is none, or it failed at once.
  std::unique_ptr<Stream> connect_elsewhere(ServerId server, Route& route, int& error);
  // For one that is connected: new ones go there first.
  void prefer(ServerId server, const Address& address);

 private:
  using Idle = IntrusiveList<UpstreamConnection, ServerPoolTag>;
  struct ServerPool {
    Idle idle;
    size_t preferred = 0;  // of its addresses: the one that was connected to last
  };

  ServerPool& pool(ServerId server) { return pools_[server.service][index_of(server.side)][server.server]; }
  const AddressList& addresses_of(ServerId server) const {
    return addresses_->of(server.service, server.side, server.server);
  }
  bool still_fits(UpstreamConnection& connection);
  std::unique_ptr<Stream> open_stream(ServerId server, const Address& address, int& error);
  ServerCounters& counters(ServerId server) {
    return counters_.services[server.service]->servers[index_of(server.side)][server.server];
  }
  void retire(Idle& connections);
  void evict_oldest();
  void complain(int error);
  // Out of its lists.
  std::unique_ptr<UpstreamConnection> take_out(UpstreamConnection& connection);

  const UpstreamEnvironment environment_;
  Connector& connector_;
  const Config& config_;
  WorkerCounters& counters_;
  HealthBoard& health_;
  MessageLimits limits_;
  const uint64_t most_;
  uint64_t open_ = 0;
  std::shared_ptr<const ServerAddresses> addresses_;
  uint64_t address_changes_ = 0;
  IntrusiveList<UpstreamConnection, Pools> all_idle_;          // the longest idle first; owned
  std::vector<std::array<std::vector<ServerPool>, 2>> pools_;  // the same by service, side, server
  int64_t complains_next_ms_ = 0;
};

}  // namespace halfdoor
