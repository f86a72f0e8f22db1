// Daemon: the main thread of `halfdoor run`: owns the workers, the state on disk and the control socket.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/access_writer.h"
#include "control/control_api.h"
#include "control/control_socket.h"
#include "control/dns_client.h"
#include "control/durable_state.h"
#include "control/health_checks.h"
#include "control/health_curl.h"
#include "control/listeners.h"
#include "control/mailbox.h"
#include "control/server_names.h"
#include "control/switch_coordinator.h"
#include "failover/helper_thread.h"
#include "worker/worker.h"

struct event;
struct event_base;

namespace halfdoor {

using StartWorker = std::function<Result<std::unique_ptr<Worker>>(WorkerOptions)>;

// Loads the file and serves until a signal ends it. Returns the exit code: 0 after a graceful stop, 2 for a
// configuration that is wrong (every problem on standard error), 1 for anything else.
int run_daemon(const std::string& config_file, const StartWorker& start_worker);

// One thread; nothing of it is for another, but for what workers and helper threads post to its mailbox.
class Daemon : private SwitchEnvironment, private HealthEnvironment, private WorkerObserver {
 public:
  explicit Daemon(std::shared_ptr<const Config> config, const std::vector<std::string>& warnings);
  ~Daemon() override;
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Everything up to "ready". An error: nothing is served.
  Status start(const StartWorker& start_worker);
  // Serves until the end; returns the exit code.
  int serve();
  // Ends the helper threads. False: one hangs in a disk and was left behind, so the process must end without destroying
  // this object.
  bool finish();

 private:
  // daemon_names.cpp
  void watch_names();
  void wait_for_names();
  void use_addresses(const std::vector<size_t>& services);

  // daemon_start.cpp
  Status open_state();
  Status start_workers(const StartWorker& start_worker);
  Status start_api(const ControlSocket& socket);
  void catch_signals();
  // Looks again and again whether an allocation has failed.
  void watch_memory();
  void warn(const std::string& line);

  // daemon.cpp
  static void on_signal(int number, short what, void* daemon);
  static void on_timer(int, short what, void* daemon);
  static void on_health_timer(int, short what, void* daemon);
  void change_all(Verb verb);
  void stop();
  void set_timer();

  // SwitchEnvironment and HealthEnvironment
  SteadyTime now() override;
  WallTime wall_now() override;

  // SwitchEnvironment
  void publish(std::shared_ptr<const Snapshot> snapshot) override;
  uint64_t write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                       std::function<void(const LatchOutcome&)> done) override;
  void withdraw_latch(size_t service, uint64_t job) override;
  void ask_caught_up(size_t service, std::function<void(CaughtUpAnswer)> done) override;
  SideHealth side_health(size_t service, Side side) override;
  void journal(const JournalEntry& entry) override;
  void journal_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                      uint64_t writes_finished, uint64_t writes_uncertain) override;
  void announce(size_t service, std::string_view what) override;
  std::string describe_worker(int worker) override;
  void worker_stalled(int worker) override;

  // HealthEnvironment
  const AddressList& server_addresses(ServerId server) override;
  void on_check_failed(ServerId server) override;
  void on_server_health(ServerId server) override;
  void on_side_health(size_t service) override;

  // WorkerObserver: on the workers' threads.
  void on_applied(int worker, uint64_t generation, std::vector<ServiceAtSwitch> services) override;
  void on_fenced(int worker, FencedReport report) override;
  void on_suspect(int worker, ServerId server) override;
  void on_stopped(int worker, uint64_t cut) override;

  std::shared_ptr<const Config> config_;
  std::vector<std::string> warnings_;
  SteadyTime started_;
  std::unique_ptr<struct event_base, void (*)(struct event_base*)> base_;
  Mailbox mailbox_;
  std::vector<struct event*> events_;
  struct event* timer_ = nullptr;
  struct event* health_timer_ = nullptr;

  HelperThread questions_{"questions"};  // to the primary
  std::unique_ptr<DurableState> state_;
  std::optional<ControlSocket> control_socket_;
  std::vector<std::string> addresses_;  // where it listens
  std::unique_ptr<DnsClient> dns_;
  std::unique_ptr<ServerNames> names_;
  std::unique_ptr<HealthBoard> health_;
  CurlProber prober_;
  std::unique_ptr<HealthChecks> checks_;
  std::unique_ptr<SwitchCoordinator> coordinator_;
  std::unique_ptr<AccessWriter> access_log_;  // null: off
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<ControlApi> api_;

  std::vector<Verb> early_signals_;  // that came before anything could be changed
  bool stopping_ = false;
  int workers_stopped_ = 0;
  uint64_t cut_ = 0;
  std::optional<int> exit_code_;
};

}  // namespace halfdoor
