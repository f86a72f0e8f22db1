// SimulatedWorkerSlot: what WorkerThread is to a WorkerCore, in simulated time: it wakes up, handles what has come in
// any order, and makes the rest of the turn. It may be slow, or stuck.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/far_end.h"
#include "simulation/history.h"
#include "worker/worker_core.h"

namespace halfdoor {

class SimulatedProcess;
struct SimulationContext;

// A worker's ledger, held to its protocol; nothing of it has an effect once the process is dead.
class SimulatedLedger final : public WriteLedger {
 public:
  SimulatedLedger(SimulatedProcess& process, std::unique_ptr<WriteLedger> inner)
      : process_(process), inner_(std::move(inner)) {}

  std::optional<Ticket> begin(const WriteIdentity& identity) override;
  void clear(Ticket ticket) override;
  void mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why) override;
  size_t open() const { return open_.size(); }

 private:
  bool take(Ticket ticket);

  SimulatedProcess& process_;
  std::unique_ptr<WriteLedger> inner_;
  std::map<Ticket, int> open_;  // the request's id
};

class SimulatedWorkerSlot final : public NearEnd, private Connector {
 public:
  SimulatedWorkerSlot(SimulationContext& context, SimulatedProcess& process, int index,
                      std::unique_ptr<WriteLedger> ledger, std::shared_ptr<const Snapshot> snapshot);
  ~SimulatedWorkerSlot();

  int index() const { return index_; }
  WorkerCore* core() { return core_.get(); }
  const WorkerCounters& counters() const { return counters_; }
  const SimulatedLedger& ledger() const { return ledger_; }
  size_t armed_deadlines() { return wheel_.count_set(); }
  const ServiceState& state(size_t service) const { return snapshot_->states[service]; }

  // A client's connection that the kernel has taken.
  void take(FarEnd& far, int client);
  void publish(std::shared_ptr<const Snapshot> snapshot);
  void begin_stop(Milliseconds drain);
  // Does nothing for so long.
  void stall(Micros time);
  // The kernel closes everything; nothing has an effect any more.
  void sever();
  // Ends as the thread does.
  void end();

  void wake(FarEnd& far) override;
  bool is_alive_at_call() override;
  // Connections with servers that the worker still holds.
  const std::vector<FarEnd*>& connections() const { return far_ends_; }

 private:
  class Clock final : public WallClock {
   public:
    explicit Clock(SimulationContext& context) : context_(context) {}
    int64_t unix_ms() const override;

   private:
    SimulationContext& context_;
  };
  using Message = std::function<void()>;

  std::unique_ptr<Stream> connect(const Address& address, int& error) override;
  void turn_later(Micros delay);
  void turn();
  void handle_what_came();
  void check_buffers();
  void accept(FarEnd& far, int client);
  void note_modes();

  SimulationContext& context_;
  SimulatedProcess& process_;
  const int index_;
  std::shared_ptr<const Snapshot> snapshot_;  // current
  SimulatedLedger ledger_;
  Clock clock_;
  TimerWheel wheel_;
  WorkerCounters counters_;
  std::unique_ptr<WorkerCore> core_;
  std::vector<FarEnd*> edges_;
  std::deque<Message> mail_;
  std::vector<FarEnd*> far_ends_;
  Micros turn_at_ = kNeverUs;
  Micros stalled_until_ = 0;
  bool accepts_ = true;
};

}  // namespace halfdoor
