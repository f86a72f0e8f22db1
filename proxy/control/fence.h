// Fence: how far one mode change of one service has got in every worker: applied, then fenced. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/switch_environment.h"
#include "worker/worker.h"

namespace halfdoor {

class Fence {
 public:
  // Of the mode in which the process started: nothing is left from before.
  explicit Fence(int workers) : workers_(static_cast<size_t>(workers), State{true, true}) {}

  // A new epoch was published: nobody has applied it yet.
  void begin(uint64_t epoch, SteadyTime now);
  // Of epochs other than the present one: ignored. True if it changed something.
  bool on_applied(int worker, const ServiceAtSwitch& found, SteadyTime now);
  bool on_fenced(int worker, const FencedReport& report, SteadyTime now);

  bool applied() const { return applied_at_.has_value(); }
  bool fenced() const { return fenced_at_.has_value(); }
  // In every worker that applied it, nothing was there to be drained.
  bool nothing_drains() const { return draining_ == 0; }
  double fenced_ms() const;

  uint64_t writes_in_flight() const { return writes_; }
  uint64_t writes_finished() const { return finished_; }
  uint64_t writes_uncertain() const { return uncertain_; }
  // For the guard: "2 writes, 5 others in 1 of 4 workers".
  std::string describe() const;

 private:
  struct State {
    bool applied = false;
    bool fenced = false;
  };
  void update(SteadyTime now);

  std::vector<State> workers_;
  uint64_t epoch_ = 0;
  SteadyTime begun_{};
  std::optional<SteadyTime> applied_at_ = SteadyTime{};
  std::optional<SteadyTime> fenced_at_ = SteadyTime{};
  uint64_t writes_ = 0;
  uint64_t draining_ = 0;
  uint64_t finished_ = 0;
  uint64_t uncertain_ = 0;
};

// "0.4" from two points in time.
double ms_between(SteadyTime from, SteadyTime to);

}  // namespace halfdoor
