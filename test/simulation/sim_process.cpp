#include "simulation/sim_process.h"

#include <algorithm>
#include <utility>

#include "simulation/context.h"
#include "simulation/sim_helper.h"

namespace halfdoor {

SimulatedProcess::SimulatedProcess(SimulationContext& context, int number)
    : context_(context),
      number_(number),
      name_(fmt::format("halfdoor {}", number)),
      base_(std::make_shared<const ConfigGeneration>(context.config)) {}

SimulatedProcess::~SimulatedProcess() = default;

bool SimulatedProcess::is_alive_at_call() {
  if (is_dead_) return false;
  if (kill_in_ > 0 && --kill_in_ == 0) kill("kill -9 between two system calls");
  return !is_dead_;
}

// As Daemon::start.
bool SimulatedProcess::start() {
  DurableStateOptions options;
  options.config = context_.config;
  options.make_helper = [this](const std::string&) {
    return std::make_unique<SimulatedHelper>(
        SimulatedHelper::Surroundings{context_.schedule, context_.dice, [this] { return is_alive(); }});
  };
  options.post = [this](std::function<void()> call) { post(std::move(call)); };
  options.now = [this] { return now(); };
  options.wall_now = wall_now();
  Result<std::unique_ptr<DurableState>> state = DurableState::open(std::move(options));
  const auto give_up = [this](const std::string& why) {
    context_.story.tell(name_, "cannot start: {}", why);
    if (!is_dead_) context_.checker.on_start_failed(number_, why);
    kill("cannot start");
    return false;
  };
  if (!state) return give_up(state.error().message);
  if (is_dead_) return false;
  state_ = std::move(*state);
  checks_ = std::make_unique<SimulatedChecks>(
      context_, SimulatedChecks::Links{[this](std::function<void()> call) { post(std::move(call)); },
                                       [this](size_t service) { coordinator_->on_health_changed(service); }});
  SwitchEnvironment& environment = *this;
  coordinator_ = std::make_unique<SwitchCoordinator>(environment, base_, context_.settings.workers, state_->records(),
                                                     nullptr, state_->unpersisted());
  std::vector<std::unique_ptr<WriteLedger>> ledgers;
  for (int i = 0; i < context_.settings.workers; ++i) {
    Result<std::unique_ptr<WriteLedger>> ledger = state_->make_ledger(i);
    if (!ledger) return give_up(ledger.error().message);
    ledgers.push_back(std::move(*ledger));
  }
  if (is_dead_) return false;
  for (size_t i = 0; i < state_->records().size(); ++i) {
    const LatchRecord& record = state_->records()[i];
    context_.story.tell(name_, "starts {} in {}, epoch {}", record.service, to_text(record.to), record.epoch);
    context_.checker.on_start(number_, i, record);
  }
  for (int i = 0; i < context_.settings.workers; ++i) {
    workers_.push_back(std::make_unique<SimulatedWorkerSlot>(
        context_, *this, i, std::move(ledgers[static_cast<size_t>(i)]), coordinator_->snapshot()));
  }
  is_ready_ = true;
  set_timer();
  return true;
}

void SimulatedProcess::kill(std::string_view why) {
  if (is_dead_) return;
  is_dead_ = true;
  context_.story.tell(name_, "dies: {}", why);
  context_.history.kills.push_back(context_.schedule.now());
  // Whatever is on the stack runs on without effect; then the kernel takes everything away.
  context_.schedule.after(0, [this] { reap(); });
}

void SimulatedProcess::reap() {
  if (has_ended_) return;
  for (const auto& worker : workers_) worker->sever();
  if (state_ != nullptr) context_.checker.on_process_end(number_, /*was_killed=*/true);
  for (const auto& worker : workers_) worker->end();
  coordinator_.reset();
  checks_.reset();
  mailbox_.clear();
  state_.reset();
  has_ended_ = true;
  context_.on_process_ended(*this, 137);
}

void SimulatedProcess::terminate() {
  command([this] {
    if (is_stopping_) {
      context_.story.tell(name_, "SIGTERM again: stops at once");
      return end(1);
    }
    context_.story.tell(name_, "SIGTERM: stops");
    is_stopping_ = true;
    for (const auto& worker : workers_) worker->begin_stop(context_.config->drain);
    context_.schedule.after(context_.config->drain.count() * kMs + 5 * kSecond, [this] {
      if (is_dead_ || has_ended_) return;
      if (!context_.settings.has_stalls) context_.checker.fail(property::kLive, "a graceful stop does not end", 0);
      end(1);
    });
  });
}

// As Daemon::serve ends, and finish().
void SimulatedProcess::end(int code) {
  if (has_ended_ || is_dead_) return;
  context_.checker.on_process_end(number_, false);
  if (code == 0) check_end();
  is_finishing_ = true;
  for (const auto& worker : workers_) worker->end();
  const bool finished = state_->finish(Milliseconds(2'000));
  if (!finished) context_.story.tell(name_, "leaves a helper behind that hangs");
  is_dead_ = has_ended_ = true;
  coordinator_.reset();
  checks_.reset();
  mailbox_.clear();
  state_.reset();
  context_.story.tell(name_, "has stopped, exit code {}", code);
  context_.on_process_ended(*this, code);
}

void SimulatedProcess::check_end() {
  for (const auto& worker : workers_) context_.checker.check_nothing_is_left(*worker, "at the end of a graceful stop");
}

void SimulatedProcess::post(std::function<void()> call) {
  if (is_dead_) return;
  mailbox_.push_back(std::move(call));
  deliver_later(context_.dice.skewed(5, 2 * kMs));
}

void SimulatedProcess::command(std::function<void()> call) { post(std::move(call)); }

void SimulatedProcess::stall_control(Micros time) {
  stalled_until_ = context_.schedule.now() + time;
  context_.story.tell(name_, "the control thread is held up for {} ms", time / kMs);
}

void SimulatedProcess::deliver_later(Micros delay) {
  if (delivery_is_due_) return;
  delivery_is_due_ = true;
  const Micros at = std::max(context_.schedule.now() + delay, stalled_until_);
  context_.schedule.after(at - context_.schedule.now(), [this] {
    delivery_is_due_ = false;
    if (!is_dead_) deliver();
  });
}

// As Mailbox::deliver.
void SimulatedProcess::deliver() {
  std::deque<std::function<void()>> calls;
  calls.swap(mailbox_);
  for (const auto& call : calls) {
    if (!is_dead_ && !has_ended_) call();
  }
  if (!is_dead_ && !has_ended_) set_timer();
}

void SimulatedProcess::set_timer() {
  std::optional<SteadyTime> next = coordinator_->next_deadline();
  if (const auto other = state_->next_deadline()) next = next ? std::min(*next, *other) : *other;
  ring_at(next, timer_, [this] {
    coordinator_->on_time();
    if (!is_dead_) state_->on_time();
  });
  ring_at(checks_->next_deadline(), health_timer_, [this] { checks_->on_time(); });
}

void SimulatedProcess::ring_at(std::optional<SteadyTime> time, uint64_t& timer, const std::function<void()>& act) {
  const uint64_t number = ++timer;
  if (!time) return;
  const auto left = std::chrono::ceil<Milliseconds>(*time - now()).count();
  const Micros at = std::max(context_.schedule.now() + std::max<int64_t>(0, left) * kMs, stalled_until_);
  context_.schedule.after(at - context_.schedule.now() + context_.dice.skewed(0, 500), [this, number, &timer, act] {
    if (number != timer || is_dead_ || has_ended_) return;
    act();
    if (!is_dead_) set_timer();
  });
}

// SwitchEnvironment
// ----------------------------------------------------------------------------------------------------

SteadyTime SimulatedProcess::now() { return context_.steady_now(); }
WallTime SimulatedProcess::wall_now() { return WallTime(Milliseconds(context_.unix_ms())); }

void SimulatedProcess::publish(std::shared_ptr<const Snapshot> snapshot) {
  if (is_dead_) return;
  context_.checker.on_publish(number_, *snapshot);
  for (const auto& worker : workers_) worker->publish(snapshot);
}

uint64_t SimulatedProcess::write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                                       std::function<void(const LatchOutcome&)> done) {
  return state_->write_latch(service, record, on_failure, [this, done = std::move(done)](const LatchOutcome& outcome) {
    context_.story.tell(name_, "latch job {}: {}", outcome.job, outcome.persisted ? "persisted" : outcome.error);
    done(outcome);
  });
}

void SimulatedProcess::withdraw_latch(size_t service, uint64_t job) { state_->withdraw_latch(service, job); }

void SimulatedProcess::ask_caught_up(size_t, std::function<void(CaughtUpAnswer)> done) {
  const bool yes = context_.dice.chance(700);
  context_.schedule.after(context_.dice.skewed(kMs, 800 * kMs), [this, yes, done = std::move(done)] {
    post([done, yes] { done({yes, yes ? "204" : "503 from the primary"}); });
  });
}

void SimulatedProcess::journal(const JournalEntry& entry) {
  if (!is_dead_) state_->journal().append(entry);
}
void SimulatedProcess::journal_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                                      uint64_t writes_finished, uint64_t writes_uncertain) {
  if (!is_dead_) state_->journal().append_fenced(service, epoch, fenced_ms, writes_finished, writes_uncertain);
}

void SimulatedProcess::announce(size_t service, std::string_view what) {
  context_.story.tell(name_, "announces {} of {}", what, context_.config->services[service].name);
  if (!is_dead_) context_.checker.on_announce(number_, service, what);
}

std::string SimulatedProcess::describe_worker(int worker) { return fmt::format("worker {}", worker); }

void SimulatedProcess::worker_stalled(int worker) { kill(fmt::format("worker {} stalled: aborts", worker)); }

// WorkerObserver
// -------------------------------------------------------------------------------------------------------

void SimulatedProcess::on_applied(int worker, uint64_t generation, std::vector<ServiceAtSwitch> services) {
  post([this, worker, generation, services = std::move(services)] {
    coordinator_->on_applied(worker, generation, services);
  });
}

void SimulatedProcess::on_fenced(int worker, FencedReport report) {
  if (is_dead_) return;
  context_.story.tell(fmt::format("worker {}", worker), "fenced: service {} epoch {}, {} finished, {} uncertain",
                      report.service, report.epoch, report.writes_finished, report.writes_uncertain);
  context_.checker.on_worker_fenced(*workers_[static_cast<size_t>(worker)], report);
  post([this, worker, report] { coordinator_->on_fenced(worker, report); });
}

void SimulatedProcess::on_suspect(int, ServerId server) {
  post([this, server] { checks_->suspect(server); });
}

void SimulatedProcess::on_stopped(int worker, uint64_t cut) {
  context_.story.tell(fmt::format("worker {}", worker), "stopped, {} cut", cut);
  post([this] {
    if (++stopped_workers_ == static_cast<int>(workers_.size())) end(0);
  });
}

}  // namespace halfdoor
