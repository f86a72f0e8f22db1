// SimulatedHelper: a Helper in simulated time: jobs run in order, each when its time has come.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "failover/helper.h"
#include "simulation/dice.h"
#include "simulation/schedule.h"

namespace halfdoor {

class SimulatedHelper final : public Helper {
 public:
  struct Surroundings {
    Schedule& schedule;
    Dice& dice;
    std::function<bool()> is_alive;  // the process is
  };

  explicit SimulatedHelper(Surroundings surroundings) : shared_(std::make_shared<Shared>(std::move(surroundings))) {}
  ~SimulatedHelper() override { stop(Milliseconds(1000)); }

  void post(std::function<void()> job) override {
    if (shared_->is_stopped) return;
    shared_->jobs.push_back(std::move(job));
    shared_->run_later(shared_);
  }
  bool stop(Milliseconds) override {
    if (shared_->is_stopped) return !shared_->is_busy;
    while (!shared_->is_busy && !shared_->jobs.empty() && shared_->around.is_alive()) shared_->run_one();
    shared_->is_stopped = true;
    shared_->jobs.clear();
    return !shared_->is_busy;
  }
  std::optional<Milliseconds> busy_for() const override { return std::nullopt; }

 private:
  // Outlives the helper while a job hangs.
  struct Shared {
    explicit Shared(Surroundings surroundings) : around(std::move(surroundings)) {}

    void run_later(const std::shared_ptr<Shared>& self) {
      if (is_waiting || is_busy || jobs.empty() || is_stopped) return;
      is_waiting = true;
      around.schedule.after(around.dice.skewed(20, 5 * kMs), [self] {
        self->is_waiting = false;
        if (self->is_busy || self->jobs.empty() || self->is_stopped || !self->around.is_alive()) return;
        self->run_one();
        self->run_later(self);
      });
    }
    void run_one() {
      const std::function<void()> job = std::move(jobs.front());
      jobs.pop_front();
      is_busy = true;
      job();
      is_busy = false;
    }

    Surroundings around;
    std::deque<std::function<void()>> jobs;
    bool is_waiting = false;
    bool is_busy = false;
    bool is_stopped = false;
  };

  std::shared_ptr<Shared> shared_;
};

}  // namespace halfdoor
