// ServiceSwitch: the changes of one service, in the order guards -> latch -> publish -> applied -> fenced -> answer.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "control/change.h"
#include "control/fence.h"
#include "control/switch_environment.h"
#include "failover/automatic.h"
#include "failover/forgotten.h"

namespace halfdoor {

// What a service needs of all services together; the switch coordinator.
class SnapshotBoard {
 public:
  virtual ~SnapshotBoard() = default;
  // Publishes a snapshot in which this service has this state; returns its generation.
  virtual uint64_t put(size_t service, ServiceState state) = 0;
  // How many workers have applied this generation; and which have not.
  virtual int applied_workers(uint64_t generation) const = 0;
  virtual std::vector<int> late_workers(uint64_t generation) const = 0;
  virtual int workers() const = 0;
};

// How long ago something was: by the monotonic clock, but for the part before the process started.
struct Age {
  Milliseconds at_start{0};
  SteadyTime counted_from{};

  Milliseconds at(SteadyTime now) const {
    return at_start + std::chrono::duration_cast<Milliseconds>(now - counted_from);
  }
};

struct ServiceSwitchStart {
  size_t index = 0;
  const ServiceConfig* config = nullptr;  // outlives it
  LatchRecord record;
  bool persisted = true;  // the latch holds this record
};

// Control thread. Changes are serialised from their guards to *applied*; afterwards they wait beside the queue. One
// that does not lead to writes never waits long for one that does: that one is given up when it waits for a disk or for
// the primary, and nobody waits for a worker longer than it takes to call it NOT SAFE.
class ServiceSwitch {
 public:
  ServiceSwitch(SwitchEnvironment& environment, SnapshotBoard& board, ServiceSwitchStart start);

  // `answer` is called once, maybe before this returns, and may ask again.
  void ask(ModeRequest request, OnAnswer answer);

  void on_applied(int worker, const ServiceAtSwitch& found);
  void on_fenced(int worker, const FencedReport& report);
  void on_health_changed() { on_time(); }
  // Does what is due; called when next_deadline() has come, and whenever else.
  void on_time();
  std::optional<SteadyTime> next_deadline() const;

  const LatchRecord& record() const { return record_; }
  bool fenced() const { return fence_.fenced(); }
  // Whether a restart would know of this mode.
  bool persisted() const { return persisted_; }
  const std::string& persist_trouble() const { return persist_trouble_; }
  // Why somebody should look at this service, if the present mode seems to be forgotten.
  std::vector<Forgotten> forgotten_now() const;
  // A line per worker that has not applied the present mode within 1 s.
  std::vector<std::string> not_safe() const;
  bool is_idle() const { return queue_.empty() && draining_.empty() && trials_.empty(); }

 private:
  using ChangePtr = std::unique_ptr<RunningChange>;

  // service_switch.cpp: the queue.
  void pump();
  void work_off();
  bool step_front();
  bool begin_front();
  void begin_update(RunningChange& change);
  bool asks_primary(RunningChange& change, const GuardFacts& facts);
  void on_caught_up(uint64_t id, CaughtUpAnswer answer);
  void run_trial(ChangePtr change);
  void advance_trial(RunningChange& change);
  bool restrictive_waits() const;
  bool is_restrictive(const RunningChange& change) const;
  void leave_queue_for_draining();
  bool settle_draining();
  enum class Settled : uint8_t { not_yet, over, second_step };
  Settled settle(RunningChange& change);
  void deliver_answers();

  // service_switch_automatic.cpp
  AutomaticFacts automatic_facts() const;
  bool consider_automatic();
  bool is_news(const std::vector<GuardResult>& refusals);

  // service_switch_reminder.cpp
  void remind();

  // service_switch_judge.cpp: guards and answers.
  struct RefusedChange {
    Mode from;
    Mode to;
    std::string actor;
    std::string reason;
  };
  Plan plan_of(const ModeRequest& request) const;
  GuardFacts facts_by(const std::string& actor) const;
  GuardFacts facts_for(const RunningChange& change) const;
  Judgement judge_change(RunningChange& change, const GuardFacts& facts) const;
  LatchRecord make_record(const RunningChange& change) const;
  void refuse(RunningChange& change, const Judgement& judgement);
  void tell_refusal(const RefusedChange& change, const std::vector<GuardResult>& refusals);
  void answer(RunningChange& change, ChangeAnswer::Kind kind);
  ChangeAnswer make_answer(const RunningChange& change, ChangeAnswer::Kind kind) const;

  // service_switch_publish.cpp: latch, publication, acknowledgements.
  void start_latching(RunningChange& change);
  void on_latched(uint64_t id, const LatchOutcome& outcome);
  bool step_latching(RunningChange& change);
  SteadyTime latching_deadline(const RunningChange& change) const;
  void publish(RunningChange& change);
  void supersede_waiting(uint64_t epoch);
  void note_fenced();
  void persist_present();
  void tell_not_persisted();
  void on_persisted(const LatchOutcome& outcome);
  bool step_applying(RunningChange& change);
  void tell_not_safe();

  SwitchEnvironment& environment_;
  SnapshotBoard& board_;
  size_t index_;
  const ServiceConfig& config_;

  LatchRecord record_;  // in force: what the newest snapshot says
  Age mode_age_;
  Age on_side_;
  std::optional<Age> automatic_failover_;  // the last one
  Fence fence_;
  uint64_t present_generation_ = 1;
  SteadyTime published_at_{};
  bool not_safe_told_ = false;

  bool persisted_ = true;
  // A change towards writes is in force, but a restart would undo it: nobody is told that it is done before.
  bool unconfirmed_ = false;
  bool not_persisted_told_ = false;
  uint64_t persist_job_ = 0;  // the job that makes record_ durable
  std::string persist_trouble_;
  std::optional<SteadyTime> persist_again_at_;

  uint64_t last_id_ = 0;
  std::deque<ChangePtr> queue_;  // the front is being worked on
  std::vector<ChangePtr> draining_;
  std::vector<ChangePtr> trials_;                           // dry runs that ask the primary; they hold up nobody
  std::optional<LatchOutcome> latched_;                     // of the front
  std::vector<std::pair<OnAnswer, ChangeAnswer>> answers_;  // given at the end of each public function

  struct Reminder {
    size_t told = 0;  // reasons, the last time
    SteadyTime again_at{};
    std::optional<Milliseconds> pause;
  };
  Reminder reminder_;
  std::optional<SteadyTime> look_for_forgotten_at_;

  // What checks saw earlier does not count for the automatic: they saw it in another mode, or before the process slept.
  SteadyTime evidence_since_{};
  bool primary_seen_healthy_ = false;  // in this epoch
  std::optional<SteadyTime> automatic_again_at_;
  std::optional<SteadyTime> failback_refused_at_;  // an automatic one
  std::map<Guard, SteadyTime> refusals_told_;      // of the automatic
};

}  // namespace halfdoor
