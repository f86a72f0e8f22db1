// Worker: a thread that owns a loop, listeners, client connections, exchanges and pools. This is all that the control
// thread knows of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "client/client_counts.h"
#include "config/snapshot.h"
#include "exchange/access_log.h"
#include "exchange/write_ledger.h"
#include "upstream/counters.h"
#include "upstream/health_board.h"

namespace halfdoor {

// A row of `halfdoor exchanges`.
struct ExchangeInfo {
  std::string request_id;
  std::string service;
  uint64_t epoch = 0;
  std::string side;    // "primary", "backup", "none"
  std::string server;  // empty: none
  std::string method;
  std::string path;
  std::string client;
  std::string state;  // "waiting", "sending", "awaiting", "relaying", "local"
  int64_t age_ms = 0;
  uint64_t bytes_in = 0;   // of the request's body, from the client
  uint64_t bytes_out = 0;  // of the response's body, to the client
};

// What a worker found when it made a snapshot current.
struct ServiceAtSwitch {
  uint64_t epoch = 0;
  uint64_t writes_draining = 0;  // writes in flight where this mode would not have them
  uint64_t others_draining = 0;  // reads and tunnels, likewise
};

// How the draining of one service ended in one worker.
struct FencedReport {
  size_t service = 0;  // index into Config::services
  uint64_t epoch = 0;
  uint64_t writes_finished = 0;   // got their final status line
  uint64_t writes_uncertain = 0;  // did not
  uint64_t reads_moved = 0;       // re-sent on the side that serves
  uint64_t cut = 0;               // ended by us at `drain`
};

// Called on the worker's thread; implementations only store and wake the control thread.
class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  // The snapshot of this generation is current; by index into Config::services.
  virtual void on_applied(int worker, uint64_t generation, std::vector<ServiceAtSwitch> services) = 0;
  // Nothing that began under an earlier epoch is left where this one would not have it. Once per worker, service and
  // epoch that changed the mode; not for a superseded epoch.
  virtual void on_fenced(int worker, FencedReport report) = 0;
  // Live traffic met an error or silence of this server, for the first time since its last check began.
  virtual void on_suspect(int worker, ServerId server) = 0;
  // The graceful stop is complete: no exchange is left. `cut`: exchanges that had to be ended.
  virtual void on_stopped(int worker, uint64_t cut) = 0;
};

struct WorkerOptions {
  int index = 0;
  // One per Config::listeners, in order; bound and listening, non-blocking.
  std::vector<UniqueFd> listening_sockets;
  std::shared_ptr<const Snapshot> snapshot;
  WorkerObserver* observer = nullptr;  // outlives the worker
  std::unique_ptr<WriteLedger> ledger;
  std::unique_ptr<AccessLog> access_log;        // null: off
  uint64_t most_connections = 0;                // client connections of this worker
  uint64_t most_memory = 0;                     // bytes that its clients may make it hold; 0: unbounded
  std::shared_ptr<ClientCounts> client_counts;  // of all workers; null: of this one
  HealthBoard* health = nullptr;                // outlives the worker
  uint64_t seed = 0;                            // of request ids and jitter
};

// All functions are for the control thread. They post to the worker's mailbox and return at once.
class Worker {
 public:
  // Starts the thread; it accepts connections when this returns.
  static Result<std::unique_ptr<Worker>> start(WorkerOptions options);
  // Ends the thread: as stop_now(), and waits for it.
  virtual ~Worker() = default;

  // The worker makes it current at once and reports on_applied; snapshots are applied in order.
  virtual void publish(std::shared_ptr<const Snapshot> snapshot) = 0;
  // `answer` is called on the worker's thread.
  virtual void list_exchanges(std::function<void(std::vector<ExchangeInfo>)> answer) = 0;
  // No new connections; those idle are closed; exchanges have `drain` to finish, then are cut; then on_stopped.
  virtual void stop(Milliseconds drain) = 0;
  virtual void stop_now() = 0;

  // Readable from any thread at any time; written by the worker without locks.
  virtual const WorkerCounters& counters() const = 0;
  // Text for a crash dump: what the worker does right now. May be called from any thread; reads only atomics.
  virtual std::string describe() const = 0;
};

}  // namespace halfdoor
