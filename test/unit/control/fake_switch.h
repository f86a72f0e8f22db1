// Everything around a SwitchCoordinator, on command: clock, latches, workers, the primary.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/switch_coordinator.h"

namespace halfdoor {

inline std::shared_ptr<Config> make_config(std::vector<std::string> names) {
  auto config = std::make_shared<Config>();
  for (const std::string& name : names) {
    ServiceConfig service;
    service.name = name;
    service.hosts = {name + ".example"};
    service.sides[0].servers = {{"10.0.0.10:8080", *Address::parse("10.0.0.10:8080")}};
    service.sides[1].servers = {{"10.9.0.10:8080", *Address::parse("10.9.0.10:8080")}};
    config->services.push_back(service);
  }
  return config;
}

inline LatchRecord record_in(const std::string& service, Mode mode, uint64_t epoch = 1) {
  LatchRecord record;
  record.service = service;
  record.from = record.to = mode;
  record.epoch = epoch;
  return record;
}

class FakeSwitch : public SwitchEnvironment {
 public:
  struct LatchJob {
    size_t service;
    LatchRecord record;
    OnFailure on_failure;
    std::function<void(const LatchOutcome&)> done;
    bool withdrawn = false;
  };

  explicit FakeSwitch(
      Mode mode = Mode::primary, int worker_count = 2, std::shared_ptr<Config> made = make_config({"salon"}),
      const std::function<void(LatchRecord&)>& edit = [](LatchRecord&) {})
      : config(std::move(made)), workers(worker_count) {
    std::vector<LatchRecord> records;
    for (const ServiceConfig& service : config->services) records.push_back(record_in(service.name, mode));
    for (LatchRecord& record : records) edit(record);
    coordinator = std::make_unique<SwitchCoordinator>(*this, std::make_shared<const ConfigGeneration>(config), workers,
                                                      std::move(records));
  }

  // The answer of a change appears in `answers` under the returned number.
  size_t ask(ModeRequest request, size_t service = 0) {
    const size_t number = answers.size();
    answers.emplace_back();
    if (request.actor.empty()) request.actor = "uid:0(root)";
    coordinator->ask(service, std::move(request), [this, number](const ChangeAnswer& answer) {
      ++times_answered[number];
      answers[number] = answer;
    });
    return number;
  }
  size_t ask(Verb verb, Milliseconds wait = Milliseconds(30'000), std::vector<Guard> overrides = {}) {
    ModeRequest request;
    request.verb = verb;
    request.wait = wait;
    request.overrides = std::move(overrides);
    return ask(std::move(request));
  }
  bool answered(size_t number) const { return answers[number].has_value(); }
  const ChangeAnswer& answer(size_t number) const { return answers[number].value(); }

  // The disk: the oldest latch job that is not done; and the confirmation of a change towards writes that follows it.
  void sync() {
    const bool is_towards_writes = latch_jobs.begin()->second.on_failure == OnFailure::revoke;
    const size_t switched = latch_jobs.begin()->second.service;
    const uint64_t before = last_job;
    finish_latch(true, "");
    if (!is_towards_writes || !confirms_at_once || last_job == before) return;
    const LatchJob& next = latch_jobs.rbegin()->second;
    if (next.record == coordinator->service(switched).record()) finish_latch(true, "");
  }
  void fail_sync(const std::string& error) { finish_latch(false, error); }
  void finish_latch(bool persisted, const std::string& error, bool in_doubt = false) {
    const auto first = latch_jobs.begin();
    LatchOutcome outcome;
    outcome.job = first->first;
    outcome.persisted = persisted;
    outcome.withdrawn = !persisted && first->second.withdrawn;
    outcome.error = error;
    outcome.in_doubt = in_doubt;
    const auto done = first->second.done;
    latch_jobs.erase(first);
    done(outcome);
  }

  // A worker makes the newest snapshot current.
  void apply(int worker, uint64_t writes = 0, uint64_t others = 0) {
    std::vector<ServiceAtSwitch> found;
    for (const ServiceState& state : coordinator->snapshot()->states) found.push_back({state.epoch, writes, others});
    coordinator->on_applied(worker, coordinator->snapshot()->generation, found);
  }
  void fence(int worker, uint64_t finished = 0, uint64_t uncertain = 0) {
    FencedReport report;
    report.epoch = coordinator->snapshot()->states[0].epoch;
    report.writes_finished = finished;
    report.writes_uncertain = uncertain;
    coordinator->on_fenced(worker, report);
  }
  void apply_all() {
    for (int i = 0; i < workers; ++i) apply(i);
  }
  void fence_all() {
    for (int i = 0; i < workers; ++i) fence(i);
  }
  // Time passes; the timer rings whenever it is due.
  void pass(Milliseconds span) {
    const SteadyTime end = time + span;
    while (const auto due = coordinator->next_deadline()) {
      if (*due > end) break;
      time = std::max(time, *due);
      coordinator->on_time();
    }
    time = end;
    wall += span;
    coordinator->on_time();
  }
  // A change from beginning to end.
  void complete(Verb verb, std::vector<Guard> overrides = {}) {
    const size_t number = ask(verb, Milliseconds(30'000), std::move(overrides));
    sync();
    apply_all();
    fence_all();
    if (!answered(number) || answer(number).kind != ChangeAnswer::Kind::done) throw std::runtime_error("not complete");
  }

  Mode published_mode() const { return published.empty() ? Mode::primary : published.back()->states[0].mode; }
  const ServiceSwitch& service() const { return coordinator->service(0); }

  // SwitchEnvironment
  SteadyTime now() override { return time; }
  WallTime wall_now() override { return wall; }
  void publish(std::shared_ptr<const Snapshot> snapshot) override { published.push_back(std::move(snapshot)); }
  uint64_t write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                       std::function<void(const LatchOutcome&)> done) override {
    latch_jobs.emplace(++last_job, LatchJob{service, record, on_failure, std::move(done)});
    return last_job;
  }
  void withdraw_latch(size_t, uint64_t job) override { latch_jobs.at(job).withdrawn = true; }
  void ask_caught_up(size_t, std::function<void(CaughtUpAnswer)> done) override {
    questions.push_back(std::move(done));
  }
  SideHealth side_health(size_t service, Side side) override { return health[{service, side}]; }
  void journal(const JournalEntry& entry) override { entries.push_back(entry); }
  void journal_fenced(std::string_view, uint64_t epoch, std::optional<int64_t> fenced_ms, uint64_t finished,
                      uint64_t uncertain) override {
    fenced_entries.push_back({epoch, fenced_ms, finished, uncertain});
  }
  void announce(size_t, std::string_view what) override { announced.emplace_back(what); }
  std::string describe_worker(int worker) override { return "worker " + std::to_string(worker) + " sleeps"; }
  void worker_stalled(int worker) override { stalled.push_back(worker); }

  struct FencedEntry {
    uint64_t epoch;
    std::optional<int64_t> fenced_ms;
    uint64_t finished;
    uint64_t uncertain;
  };

  std::shared_ptr<Config> config;
  int workers;
  SteadyTime time = SteadyTime{} + std::chrono::hours(100);
  WallTime wall = WallTime{} + std::chrono::hours(24 * 365 * 50);
  std::map<uint64_t, LatchJob> latch_jobs;
  uint64_t last_job = 0;
  bool confirms_at_once = true;
  std::vector<std::shared_ptr<const Snapshot>> published;
  std::deque<std::function<void(CaughtUpAnswer)>> questions;
  std::vector<JournalEntry> entries;
  std::vector<FencedEntry> fenced_entries;
  std::vector<std::string> announced;
  std::vector<int> stalled;
  std::map<std::pair<size_t, Side>, SideHealth> health;
  std::deque<std::optional<ChangeAnswer>> answers;
  std::map<size_t, int> times_answered;
  std::unique_ptr<SwitchCoordinator> coordinator;
};

inline std::vector<Guard> rules_of(const ChangeAnswer& answer) {
  std::vector<Guard> rules;
  for (const GuardResult& refusal : answer.refusals) rules.push_back(refusal.rule);
  return rules;
}

using Kind = ChangeAnswer::Kind;

}  // namespace halfdoor
