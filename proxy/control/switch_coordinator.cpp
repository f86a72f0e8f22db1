#include "control/switch_coordinator.h"

#include <algorithm>

#include "base/check.h"

namespace halfdoor {

SwitchCoordinator::SwitchCoordinator(SwitchEnvironment& environment, std::shared_ptr<const ConfigGeneration> base,
                                     int workers, std::vector<LatchRecord> records,
                                     std::shared_ptr<const ServerAddresses> addresses,
                                     const std::vector<size_t>& unpersisted)
    : environment_(environment),
      worker_stall_(base->config->worker_stall),
      applied_(static_cast<size_t>(workers), 1),
      late_since_(static_cast<size_t>(workers)) {
  HALFDOOR_CHECK(records.size() == base->config->services.size());
  auto first = std::make_shared<Snapshot>();
  first->generation = 1;
  first->base = std::move(base);
  first->addresses = addresses ? std::move(addresses) : std::make_shared<const ServerAddresses>(first->config());
  for (const LatchRecord& record : records) first->states.push_back(state_of(record));
  SnapshotBoard& board = *this;
  for (size_t i = 0; i < records.size(); ++i) {
    const bool persisted = std::find(unpersisted.begin(), unpersisted.end(), i) == unpersisted.end();
    ServiceSwitchStart start{i, &first->config().services[i], std::move(records[i]), persisted};
    services_.push_back(std::make_unique<ServiceSwitch>(environment_, board, std::move(start)));
  }
  snapshot_ = std::move(first);
}

void SwitchCoordinator::ask(size_t service, ModeRequest request, OnAnswer answer) {
  services_.at(service)->ask(std::move(request), std::move(answer));
}

void SwitchCoordinator::on_applied(int worker, uint64_t generation, const std::vector<ServiceAtSwitch>& found) {
  uint64_t& newest = applied_.at(static_cast<size_t>(worker));
  newest = std::max(newest, generation);
  if (newest == snapshot_->generation) late_since_[static_cast<size_t>(worker)].reset();
  for (size_t i = 0; i < services_.size() && i < found.size(); ++i) services_[i]->on_applied(worker, found[i]);
}

void SwitchCoordinator::on_fenced(int worker, const FencedReport& report) {
  if (report.service < services_.size()) services_[report.service]->on_fenced(worker, report);
}

void SwitchCoordinator::on_health_changed(size_t service) { services_[service]->on_health_changed(); }

std::optional<SteadyTime> SwitchCoordinator::next_deadline() const {
  std::optional<SteadyTime> next;
  const auto at = [&next](std::optional<SteadyTime> time) {
    if (time) next = next ? std::min(*next, *time) : *time;
  };
  for (const auto& service : services_) at(service->next_deadline());
  for (const auto& since : late_since_) {
    if (since) at(*since + worker_stall_);
  }
  return next;
}

void SwitchCoordinator::on_time() {
  const SteadyTime now = environment_.now();
  const std::optional<SteadyTime> due = next_deadline();
  // The workers slept, too, and have to be given their time again.
  if (due && now >= *due + kProcessWasStopped) {
    for (auto& since : late_since_) {
      if (since) since = now;
    }
  }
  watch_workers(now);
  for (const auto& service : services_) service->on_time();
}

void SwitchCoordinator::watch_workers(SteadyTime now) {
  for (size_t i = 0; i < late_since_.size(); ++i) {
    if (!late_since_[i] || now < *late_since_[i] + worker_stall_) continue;
    late_since_[i].reset();
    environment_.worker_stalled(static_cast<int>(i));
  }
}

std::vector<std::string> SwitchCoordinator::not_safe() const {
  std::vector<std::string> lines;
  for (const auto& service : services_) {
    for (std::string& line : service->not_safe()) lines.push_back(std::move(line));
  }
  return lines;
}

uint64_t SwitchCoordinator::put(size_t service, ServiceState state) {
  auto next = std::make_shared<Snapshot>(*snapshot_);
  next->states[service] = std::move(state);
  return publish(std::move(next));
}

void SwitchCoordinator::use_addresses(std::shared_ptr<const ServerAddresses> addresses) {
  auto next = std::make_shared<Snapshot>(*snapshot_);
  next->addresses = std::move(addresses);
  publish(std::move(next));
}

uint64_t SwitchCoordinator::publish(std::shared_ptr<Snapshot> next) {
  ++next->generation;
  snapshot_ = std::move(next);
  const SteadyTime now = environment_.now();
  for (auto& since : late_since_) {
    if (!since) since = now;
  }
  environment_.publish(snapshot_);
  return snapshot_->generation;
}

int SwitchCoordinator::applied_workers(uint64_t generation) const {
  return static_cast<int>(
      std::count_if(applied_.begin(), applied_.end(), [=](uint64_t newest) { return newest >= generation; }));
}

std::vector<int> SwitchCoordinator::late_workers(uint64_t generation) const {
  std::vector<int> late;
  for (size_t i = 0; i < applied_.size(); ++i) {
    if (applied_[i] < generation) late.push_back(static_cast<int>(i));
  }
  return late;
}

}  // namespace halfdoor
