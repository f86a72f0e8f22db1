// SimulatedWorker: a whole WorkerCore on memory streams, with a clock that a test moves.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/checked_ledger.h"
#include "simulation/memory_network.h"
#include "simulation/recording_access_log.h"
#include "simulation/recording_observer.h"
#include "simulation/wire.h"
#include "worker/worker_core.h"

namespace halfdoor {

// A client's connection and the responses that came on it.
class SimulatedClient {
 public:
  explicit SimulatedClient(MemoryPeer& made) : peer(made) {}

  void send(std::string_view bytes) { peer.send(bytes); }
  // Every message received so far, interim ones too; what is incomplete only once the connection is over. `methods`: an
  // 'H' for each request that was HEAD, in order.
  std::vector<WireMessage> messages(const std::string& methods = {}) const;
  // The last message that is complete; an empty one if there is none.
  WireMessage last(const std::string& methods = {}) const;
  bool is_over() const { return peer.is_over(); }

  MemoryPeer& peer;
};

class SimulatedWorker {
 public:
  struct Options {
    // Changes the configuration before the worker starts.
    std::function<void(Config&)> configure;
    std::vector<Mode> modes;  // by service; primary where missing
    uint64_t most_connections = 1000;
    uint64_t most_memory = 0;                          // 0: unbounded
    std::shared_ptr<ClientCounts> client_counts = {};  // to share among workers
    HealthBoard* health = nullptr;                     // of another worker; null: its own
  };

  // One service "salon" at every host name, two primary servers and one backup server.
  SimulatedWorker() : SimulatedWorker(Options{}) {}
  explicit SimulatedWorker(const Options& options);
  ~SimulatedWorker();

  MemoryServer& primary(size_t index = 0) { return network.server(index == 0 ? "10.0.0.1:80" : "10.0.0.2:80"); }
  MemoryServer& backup() { return network.server("10.9.0.1:80"); }
  // Every server answers at once with a body that says which one it is and what was asked.
  void answer_everything();

  SimulatedClient& connect(const std::string& from = "192.0.2.1:1000", size_t to_proxy_capacity = 64 << 10,
                           size_t to_client_capacity = 64 << 10);
  // Sends on a connection of its own and runs.
  SimulatedClient& ask(std::string_view request);

  // Turns until nothing changes any more. The clock stands still.
  void run();
  // One turn, as WorkerThread makes it.
  bool turn();
  // Moves the clock on in small steps, running all the time.
  void advance(int64_t ms);

  // Publishes a mode (and so an epoch) for a service, without running.
  void apply(Mode mode, size_t service = 0, bool diverged = false);
  void apply_same();
  // Publishes where servers are reached, without running.
  void use_addresses(std::shared_ptr<const ServerAddresses> addresses);
  uint64_t epoch(size_t service = 0) const { return snapshot->states[service].epoch; }
  void change_mode(Mode mode, size_t service = 0) {
    apply(mode, service);
    run();
  }
  ServiceCounters& counted(size_t service = 0) { return *counters.services[service]; }
  size_t writes_open() const { return ledger.open.size(); }

  std::shared_ptr<const Snapshot> snapshot;
  MemoryNetwork network;
  TimerWheel wheel;
  CheckedLedger ledger;
  RecordingObserver observer;
  RecordingAccessLog access_log;
  WorkerCounters counters;
  std::unique_ptr<HealthBoard> own_health;
  HealthBoard& health;
  std::unique_ptr<WorkerCore> core;

 private:
  class Clock final : public WallClock {
   public:
    explicit Clock(const TimerWheel& wheel) : wheel_(wheel) {}
    int64_t unix_ms() const override { return 1'700'000'000'000 + wheel_.now_ms(); }

   private:
    const TimerWheel& wheel_;
  };

  Clock clock_;
  std::vector<std::unique_ptr<SimulatedClient>> clients_;
};

// "GET /path HTTP/1.1" with a Host.
std::string get(std::string_view path, std::string_view more_fields = {});
// With Content-Length.
std::string post(std::string_view path, std::string_view body, std::string_view more_fields = {});
// A response with Content-Length.
std::string reply(int status, std::string_view body, std::string_view more_fields = {});

}  // namespace halfdoor
