// SimulatedProcess: one life of `halfdoor run`: the state on disk, the switch coordinator and the workers are the real
// ones; threads, mailboxes and sockets are simulated, and it can be killed between any two system calls.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/durable_state.h"
#include "control/switch_coordinator.h"
#include "simulation/sim_checks.h"
#include "simulation/sim_worker.h"

namespace halfdoor {

class SimulatedProcess final : private SwitchEnvironment, private WorkerObserver {
 public:
  SimulatedProcess(SimulationContext& context, int number);
  ~SimulatedProcess() override;

  // False: it could not start, and has ended.
  bool start();
  // SIGKILL, now. May be called from anywhere.
  void kill(std::string_view why);
  // SIGKILL at the system call of that number from now, counted over all threads.
  void kill_in(uint64_t calls) { kill_in_ = calls; }
  // SIGTERM; the second one ends it at once.
  void terminate();

  int number() const { return number_; }
  SimulationContext& context() { return context_; }
  WorkerObserver& observer() { return *this; }
  bool is_alive() const { return !is_dead_; }
  bool is_serving() const { return is_alive() && is_ready_ && !is_stopping_; }
  bool has_ended() const { return has_ended_; }
  bool is_finishing() const { return is_finishing_; }
  // To be asked before each system call.
  bool is_alive_at_call();

  // On the control thread, as soon as it comes to it.
  void command(std::function<void()> call);
  SwitchCoordinator& coordinator() { return *coordinator_; }
  DurableState& state() { return *state_; }
  SimulatedChecks& checks() { return *checks_; }
  std::vector<std::unique_ptr<SimulatedWorkerSlot>>& workers() { return workers_; }
  // The control thread does nothing for so long.
  void stall_control(Micros time);

 private:
  void post(std::function<void()> call);
  void deliver_later(Micros delay);
  void deliver();
  void set_timer();
  void ring_at(std::optional<SteadyTime> time, uint64_t& timer, const std::function<void()>& act);
  void reap();
  void end(int code);
  void check_end();

  // SwitchEnvironment
  SteadyTime now() override;
  WallTime wall_now() override;
  void publish(std::shared_ptr<const Snapshot> snapshot) override;
  uint64_t write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                       std::function<void(const LatchOutcome&)> done) override;
  void withdraw_latch(size_t service, uint64_t job) override;
  void ask_caught_up(size_t service, std::function<void(CaughtUpAnswer)> done) override;
  SideHealth side_health(size_t service, Side side) override { return checks_->side(service, side); }
  void journal(const JournalEntry& entry) override;
  void journal_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                      uint64_t writes_finished, uint64_t writes_uncertain) override;
  void announce(size_t service, std::string_view what) override;
  std::string describe_worker(int worker) override;
  void worker_stalled(int worker) override;

  // WorkerObserver
  void on_applied(int worker, uint64_t generation, std::vector<ServiceAtSwitch> services) override;
  void on_fenced(int worker, FencedReport report) override;
  void on_suspect(int worker, ServerId server) override;
  void on_stopped(int worker, uint64_t cut) override;

  SimulationContext& context_;
  const int number_;
  const std::string name_;
  std::shared_ptr<const ConfigGeneration> base_;
  std::unique_ptr<DurableState> state_;
  std::unique_ptr<SimulatedChecks> checks_;
  std::unique_ptr<SwitchCoordinator> coordinator_;
  std::vector<std::unique_ptr<SimulatedWorkerSlot>> workers_;
  std::deque<std::function<void()>> mailbox_;
  bool delivery_is_due_ = false;
  Micros stalled_until_ = 0;
  uint64_t timer_ = 0;  // the one that is set
  uint64_t health_timer_ = 0;
  uint64_t kill_in_ = 0;
  int stopped_workers_ = 0;
  bool is_ready_ = false;
  bool is_stopping_ = false;
  bool is_finishing_ = false;
  bool is_dead_ = false;
  bool has_ended_ = false;
};

}  // namespace halfdoor
