#include "control/fence.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfdoor {

double ms_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

void Fence::begin(uint64_t epoch, SteadyTime now) {
  std::fill(workers_.begin(), workers_.end(), State{});
  epoch_ = epoch;
  begun_ = now;
  applied_at_.reset();
  fenced_at_.reset();
  writes_ = draining_ = finished_ = uncertain_ = 0;
  update(now);
}

bool Fence::on_applied(int worker, const ServiceAtSwitch& found, SteadyTime now) {
  State& state = workers_.at(static_cast<size_t>(worker));
  if (found.epoch != epoch_ || state.applied) return false;
  state.applied = true;
  writes_ += found.writes_draining;
  draining_ += found.writes_draining + found.others_draining;
  update(now);
  return true;
}

bool Fence::on_fenced(int worker, const FencedReport& report, SteadyTime now) {
  State& state = workers_.at(static_cast<size_t>(worker));
  if (report.epoch != epoch_ || state.fenced) return false;
  state.fenced = true;
  finished_ += report.writes_finished;
  uncertain_ += report.writes_uncertain;
  update(now);
  return true;
}

double Fence::fenced_ms() const { return fenced_at_ ? ms_between(begun_, *fenced_at_) : 0; }

std::string Fence::describe() const {
  const auto open = std::count_if(workers_.begin(), workers_.end(), [](const State& state) { return !state.fenced; });
  return fmt::format("{} of {} workers have exchanges of the mode before", open, workers_.size());
}

void Fence::update(SteadyTime now) {
  const auto all = [this](bool State::*what) {
    return std::all_of(workers_.begin(), workers_.end(), [what](const State& state) { return state.*what; });
  };
  if (!applied_at_ && all(&State::applied)) applied_at_ = now;
  if (!fenced_at_ && applied_at_ && all(&State::fenced)) fenced_at_ = now;
}

}  // namespace halfdoor
