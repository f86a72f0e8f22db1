// WorkerCore: everything that a worker owns but its thread, loop and sockets. Runs as well on memory streams and a
// clock that a test moves.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/block.h"
#include "client/connections.h"
#include "event/connector.h"
#include "event/timer_wheel.h"
#include "event/turn.h"
#include "exchange/environment.h"
#include "exchange/exchanges.h"
#include "exchange/generation.h"
#include "upstream/pools.h"
#include "worker/worker.h"

namespace halfdoor {

struct WorkerCoreOptions {
  int index = 0;
  std::shared_ptr<const Snapshot> snapshot;
  WorkerObserver* observer = nullptr;
  WriteLedger* ledger = nullptr;
  AccessLog* access_log = nullptr;  // null: off
  WorkerCounters* counters = nullptr;
  const WallClock* wall_clock = nullptr;
  uint64_t most_connections = 0;
  uint64_t most_memory = 0;  // 0: unbounded
  std::shared_ptr<ClientCounts> client_counts = {};
  HealthBoard* health = nullptr;
  uint64_t seed = 0;
};

// Belongs to one thread.
class WorkerCore final : public Exchanges::Observer, public Deadline::Owner {
 public:
  WorkerCore(const WorkerCoreOptions& options, TimerWheel& wheel, Connector& connector);
  ~WorkerCore();

  void accept(std::unique_ptr<Stream> stream, size_t listener, const Address& peer, std::string_view local) {
    connections_.accept(std::move(stream), config().listeners[listener], peer, local);
  }
  // Makes a snapshot current and reports on_applied.
  void apply(std::shared_ptr<const Snapshot> snapshot);
  std::vector<ExchangeInfo> list_exchanges();
  // Idle connections are closed; what is in flight has this long; then on_stopped is reported.
  void begin_stop(Milliseconds drain);
  bool has_stopped() const { return has_stopped_; }

  // The parts of a turn behind the callbacks, in this order.
  void resume() { turn_.resume(); }
  void fire_deadlines() { wheel_.fire_due(); }
  void flush() { turn_.flush(); }
  void dispose();
  // The next turn must not wait.
  bool has_work() { return turn_.has_resumable(); }

  const Config& config() const { return environment_.config(); }
  // The memory of what is on its way.
  const BlockPool& blocks() const { return blocks_; }
  // Snapshots that are in use.
  size_t generations() const { return generations_.size(); }

 private:
  // Snapshots that exchanges may still hold; more would be a leak.
  static constexpr size_t kMostGenerations = 8;

  Generation& add_generation(std::shared_ptr<const Snapshot> snapshot);
  // No new generation: names may change as often as they like, and nothing is judged by addresses.
  void apply_addresses(const Snapshot& snapshot);
  void retire_generations();
  void finish_stop();
  void on_drained(uint16_t service, const DrainTally& tally) override;
  void on_all_ended() override {}
  void on_suspect(ServerId server) override { observer_.on_suspect(index_, server); }
  void on_deadline(Deadline& deadline) override;

  const int index_;
  WorkerObserver& observer_;
  TimerWheel& wheel_;
  Turn turn_;
  BlockPool blocks_;
  std::vector<std::unique_ptr<Filter>> filters_;
  std::unique_ptr<Notices> notices_;
  std::vector<ModeChains> chains_;
  std::vector<std::unique_ptr<Generation>> generations_;  // the current one last
  Pools pools_;
  ExchangeEnvironment environment_;
  Exchanges exchanges_;
  ClientConnections connections_;
  Deadline stop_deadline_;
  std::vector<FencedReport> fenced_;  // to be reported once what was cut is destroyed
  uint64_t cut_ = 0;
  bool is_stopping_ = false;
  bool has_stopped_ = false;
};

}  // namespace halfdoor
