#include "control/daemon.h"

#include <event2/event.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/check.h"
#include "base/log.h"
#include "control/primary_question.h"
#include "control/supervisor.h"

namespace halfdoor {

namespace {

// What a stop may take beyond `drain` before it is cut short.
constexpr time_t kStopBeyondDrainSeconds = 5;

void ring_at(struct event* timer, std::optional<SteadyTime> time, SteadyTime now) {
  if (!time) {
    evtimer_del(timer);
    return;
  }
  const int64_t ms = std::max<int64_t>(0, std::chrono::ceil<Milliseconds>(*time - now).count());
  const timeval wait{static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
  evtimer_add(timer, &wait);
}

void on_stop_over(evutil_socket_t, short, void* exit_code) {
  log_error("the workers did not end in time");
  *static_cast<std::optional<int>*>(exit_code) = 1;
}

}  // namespace

Daemon::Daemon(std::shared_ptr<const Config> config, const std::vector<std::string>& warnings)
    : config_(std::move(config)),
      started_(std::chrono::steady_clock::now()),
      base_(event_base_new(), event_base_free),
      mailbox_(base_.get()),
      prober_(base_.get()) {
  for (const std::string& warning : warnings) warn(warning);
  timer_ = evtimer_new(base_.get(), on_timer, this);
  health_timer_ = evtimer_new(base_.get(), on_health_timer, this);
  HALFDOOR_CHECK(timer_ != nullptr && health_timer_ != nullptr);
  catch_signals();
  watch_memory();
  watch_names();
}

Daemon::~Daemon() {
  api_.reset();
  workers_.clear();
  for (struct event* event : events_) event_free(event);
  event_free(timer_);
  event_free(health_timer_);
}

int Daemon::serve() {
  while (!exit_code_) {
    set_timer();
    event_base_loop(base_.get(), EVLOOP_ONCE);
  }
  // From here on the end is bounded: one more signal must not turn a graceful stop into a killed one.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  if (api_) api_->close();
  workers_.clear();
  if (*exit_code_ == 0) log_info("stopped, {} exchanges were cut", cut_);
  return *exit_code_;
}

bool Daemon::finish() {
  bool finished = state_ == nullptr || state_->finish(Milliseconds(2'000));
  if (access_log_) finished = access_log_->stop(Milliseconds(2'000)) && finished;
  return questions_.stop(Milliseconds(500)) && finished;
}

void Daemon::set_timer() {
  std::optional<SteadyTime> next = names_->next_deadline();
  const auto at = [&next](std::optional<SteadyTime> time) {
    if (time) next = next ? std::min(*next, *time) : *time;
  };
  if (coordinator_) at(coordinator_->next_deadline());
  if (state_) at(state_->next_deadline());
  ring_at(timer_, next, now());
  if (checks_) ring_at(health_timer_, checks_->next_deadline(), now());
}

void Daemon::on_timer(int, short, void* daemon) {
  auto& self = *static_cast<Daemon*>(daemon);
  self.names_->on_time();
  if (self.coordinator_) self.coordinator_->on_time();
  if (self.state_) self.state_->on_time();
}

void Daemon::on_health_timer(int, short, void* daemon) { static_cast<Daemon*>(daemon)->checks_->on_time(); }

void Daemon::on_signal(int number, short, void* daemon) {
  auto& self = *static_cast<Daemon*>(daemon);
  switch (number) {
    case SIGUSR1: return self.change_all(Verb::failover);
    case SIGUSR2: return self.change_all(Verb::failback);
    case SIGHUP:
      if (self.access_log_) self.access_log_->reopen();
      log_warning("SIGHUP: logs are reopened; reload is not in this version, the configuration stays as it was");
      return;
    default: self.stop();
  }
}

void Daemon::change_all(Verb verb) {
  if (stopping_) return;
  if (!coordinator_) return early_signals_.push_back(verb);
  for (size_t i = 0; i < config_->services.size(); ++i) {
    ModeRequest request;
    request.verb = verb;
    request.actor = "signal";
    coordinator_->ask(i, std::move(request), [](const ChangeAnswer&) {});
  }
}

void Daemon::stop() {
  if (stopping_) {
    log_warning("stopping at once");
    exit_code_ = 1;
    return;
  }
  stopping_ = true;
  log_info("stopping: exchanges have {} to finish", format_duration(config_->drain));
  notify_supervisor("STOPPING=1");
  for (const auto& worker : workers_) worker->stop(config_->drain);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(config_->drain).count();
  const timeval patience{static_cast<time_t>(seconds) + kStopBeyondDrainSeconds, 0};
  events_.push_back(evtimer_new(base_.get(), on_stop_over, &exit_code_));
  evtimer_add(events_.back(), &patience);
}

SteadyTime Daemon::now() { return std::chrono::steady_clock::now(); }
WallTime Daemon::wall_now() { return std::chrono::system_clock::now(); }

void Daemon::publish(std::shared_ptr<const Snapshot> snapshot) {
  for (const auto& worker : workers_) worker->publish(snapshot);
}

uint64_t Daemon::write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                             std::function<void(const LatchOutcome&)> done) {
  return state_->write_latch(service, record, on_failure, std::move(done));
}

void Daemon::withdraw_latch(size_t service, uint64_t job) { state_->withdraw_latch(service, job); }

void Daemon::ask_caught_up(size_t service, std::function<void(CaughtUpAnswer)> done) {
  const PrimaryQuestion asked = caught_up_question(config_->services[service], service, *names_->addresses());
  questions_.post([this, question = asked, done = std::move(done)] {
    mailbox_.post([done, answer = ask_primary(question)] { done(answer); });
  });
}

SideHealth Daemon::side_health(size_t service, Side side) { return checks_->side(service, side); }

void Daemon::on_check_failed(ServerId server) { names_->on_trouble(server); }

void Daemon::on_server_health(ServerId server) {
  if (api_) api_->announce_health(server);
}

void Daemon::on_side_health(size_t service) { coordinator_->on_health_changed(service); }

void Daemon::journal(const JournalEntry& entry) { state_->journal().append(entry); }

void Daemon::journal_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                            uint64_t writes_finished, uint64_t writes_uncertain) {
  state_->journal().append_fenced(service, epoch, fenced_ms, writes_finished, writes_uncertain);
}

void Daemon::announce(size_t service, std::string_view what) {
  if (api_) api_->announce(service, what);
}

std::string Daemon::describe_worker(int worker) {
  const auto index = static_cast<size_t>(worker);
  return index < workers_.size() ? workers_[index]->describe() : "not started";
}

void Daemon::worker_stalled(int worker) {
  log_error(
      "NOT SAFE: worker {} has not applied the present modes within {}: aborting, to be restarted in the latched modes",
      worker, format_duration(config_->worker_stall));
  for (size_t i = 0; i < workers_.size(); ++i) log_error("worker {}: {}", i, workers_[i]->describe());
  stop_log();
  std::abort();
}

void Daemon::on_applied(int worker, uint64_t generation, std::vector<ServiceAtSwitch> services) {
  mailbox_.post(
      [this, worker, generation, found = std::move(services)] { coordinator_->on_applied(worker, generation, found); });
}

void Daemon::on_fenced(int worker, FencedReport report) {
  mailbox_.post([this, worker, report] { coordinator_->on_fenced(worker, report); });
}

void Daemon::on_suspect(int, ServerId server) {
  mailbox_.post([this, server] {
    checks_->suspect(server);
    names_->on_trouble(server);
  });
}

void Daemon::on_stopped(int worker, uint64_t cut) {
  mailbox_.post([this, worker, cut] {
    log_debug("worker {} stopped, {} exchanges cut", worker, cut);
    cut_ += cut;
    if (++workers_stopped_ == static_cast<int>(workers_.size()) && !exit_code_) exit_code_ = 0;
  });
}

}  // namespace halfdoor
