// Pools: the connections of a worker that wait for their next exchange, per server, last in, first out; and how many
// there are altogether.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "config/config.h"
#include "event/connector.h"
#include "upstream/connection.h"
#include "upstream/counters.h"

namespace halfdoor {

// Belongs to its worker's thread. A connection belongs to a side and never serves another.
class Pools {
 public:
  // `most`: connections at a time, waiting and in use. Over it the one that has waited longest is closed for a new one;
  // that those in use are fewer is for the worker to see to.
  Pools(const UpstreamEnvironment& environment, Connector& connector, const Config& config, WorkerCounters& counters,
        uint64_t most);
  ~Pools();
  Pools(const Pools&) = delete;
  Pools& operator=(const Pools&) = delete;

  // The most recently used idle connection; null if there is none. With `fresh_only`, only one used within
  // timeouts.pool_fresh on which nothing has come or ended: for requests that may not be re-sent.
  std::unique_ptr<UpstreamConnection> take_idle(ServerId server, bool fresh_only);
  // A new one, still connecting. Null: it failed at once, `error` is an errno.
  std::unique_ptr<UpstreamConnection> connect(ServerId server, int& error);
  // After a complete exchange. `idle_ms`: at most so long, as the server said; negative: it said nothing.
  void give_back(std::unique_ptr<UpstreamConnection> connection, int64_t idle_ms);
  // Closes a connection that its user gives up; it is destroyed at the end of the turn.
  void discard(std::unique_ptr<UpstreamConnection> connection, bool by_reset);

  // Closes what is idle to this side of a service, or to all.
  void retire(uint16_t service, Side side);
  void retire_all();
  // For the connection itself: it has waited long enough, or the server has closed it.
  void drop_idle(UpstreamConnection& connection);

 private:
  using Idle = IntrusiveList<UpstreamConnection, ServerPoolTag>;

  Idle& idle(ServerId server) { return idle_[server.service][index_of(server.side)][server.server]; }
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
  MessageLimits limits_;
  const uint64_t most_;
  uint64_t open_ = 0;
  IntrusiveList<UpstreamConnection, Pools> all_idle_;   // the longest idle first; owned
  std::vector<std::array<std::vector<Idle>, 2>> idle_;  // the same by service, side, server
  int64_t complains_next_ms_ = 0;
};

}  // namespace halfdoor
