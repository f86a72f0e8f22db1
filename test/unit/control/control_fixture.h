// A control API on a real Unix socket and a real loop in a thread of its own; the workers are fake, the disk is fast.
#pragma once

#include <event2/event.h>

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/control_api.h"
#include "control/control_socket.h"
#include "control/mailbox.h"
#include "event/listen.h"
#include "failover/helper_thread.h"
#include "fake_switch.h"
#include "folder.h"

namespace halfdoor {

// Acknowledges through the mailbox at once, or only when told.
class FakeWorker : public Worker {
 public:
  FakeWorker(int index, const Config& config, WorkerObserver& observer)
      : index_(index), config_(config), observer_(observer), counters_(config) {}

  void publish(std::shared_ptr<const Snapshot> snapshot) override {
    snapshot_ = std::move(snapshot);
    if (!is_stuck) acknowledge();
  }
  void acknowledge() {
    std::vector<ServiceAtSwitch> found;
    for (const ServiceState& state : snapshot_->states) found.push_back({state.epoch, 0, 0});
    observer_.on_applied(index_, snapshot_->generation, found);
    for (size_t i = 0; i < config_.services.size() && !is_draining; ++i) {
      FencedReport report;
      report.service = i;
      report.epoch = snapshot_->states[i].epoch;
      observer_.on_fenced(index_, report);
    }
  }
  void list_exchanges(std::function<void(std::vector<ExchangeInfo>)> answer) override {
    if (is_stuck) return;
    ExchangeInfo exchange;
    exchange.request_id = "r" + std::to_string(index_);
    exchange.service = config_.services[0].name;
    exchange.method = "POST";
    exchange.path = "/bookings";
    exchange.side = "primary";
    exchange.state = "awaiting";
    answer({exchange});
  }
  void stop(Milliseconds) override {}
  void stop_now() override {}
  const WorkerCounters& counters() const override { return counters_; }
  std::string describe() const override { return "fake"; }

  std::atomic<bool> is_stuck{false};
  std::atomic<bool> is_draining{false};

 private:
  int index_;
  const Config& config_;
  WorkerObserver& observer_;
  WorkerCounters counters_;
  std::shared_ptr<const Snapshot> snapshot_;
};

class ControlFixture : private SwitchEnvironment, private WorkerObserver {
 public:
  explicit ControlFixture(std::vector<std::string> services = {"salon"}, const std::string& token = "")
      : config(make_config(std::move(services))), socket_path(folder.path + "/control.sock") {
    // As the daemon does: clients may leave at any time.
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<LatchRecord> records;
    for (const ServiceConfig& service : config->services) records.push_back(record_in(service.name, Mode::primary));
    SwitchEnvironment& environment = *this;
    coordinator_ = std::make_unique<SwitchCoordinator>(environment, std::make_shared<const ConfigGeneration>(config), 2,
                                                       std::move(records));
    journal_ = Journal::open(folder.path, helper_).value();
    uncertain_ = UncertainList::open(folder.path, helper_).value();
    ControlApiOptions options;
    options.view = {coordinator_.get(),
                    config.get(),
                    {},
                    uncertain_.get(),
                    &listeners_,
                    &warnings_,
                    std::chrono::steady_clock::now()};
    WorkerObserver& observer = *this;
    for (int i = 0; i < 2; ++i) {
      workers.push_back(std::make_unique<FakeWorker>(i, *config, observer));
      options.view.counters.push_back(&workers.back()->counters());
      options.workers.push_back(workers.back().get());
    }
    options.journal = journal_.get();
    options.post = [this](std::function<void()> call) { mailbox_.post(std::move(call)); };
    options.admin_token = token;
    api_ = std::make_unique<ControlApi>(base_.get(), std::move(options));
    socket_.emplace(ControlSocket::open({socket_path, ""}).value());
    if (!api_->serve_unix(socket_->fd())) throw std::runtime_error("no control socket");
    UniqueFd admin = listen_on(*Address::parse("127.0.0.1:0"), false).value();
    admin_address = local_address(admin.get())->text();
    if (!api_->serve_tcp(std::move(admin))) throw std::runtime_error("no admin socket");
    thread_ = std::thread([this] { loop(); });
  }
  ~ControlFixture() {
    mailbox_.post([this] { over_ = true; });
    thread_.join();
    api_.reset();
  }

  // Runs on the control thread and waits for it.
  void on_control(std::function<void()> work) {
    std::promise<void> done;
    mailbox_.post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  // On the control thread.
  void announce_mode() { api_->announce(0, "mode"); }

  Folder folder;
  std::shared_ptr<Config> config;
  std::string socket_path;
  std::string admin_address;
  std::vector<std::unique_ptr<FakeWorker>> workers;

 private:
  void loop() {
    while (!over_) {
      // Often enough for every deadline of a test.
      const timeval wait{0, 5'000};
      event_base_loopexit(base_.get(), &wait);
      event_base_dispatch(base_.get());
      coordinator_->on_time();
    }
    api_->close();
  }

  SteadyTime now() override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() override { return std::chrono::system_clock::now(); }
  void publish(std::shared_ptr<const Snapshot> snapshot) override {
    for (const auto& worker : workers) worker->publish(snapshot);
  }
  uint64_t write_latch(size_t, const LatchRecord&, OnFailure, std::function<void(const LatchOutcome&)> done) override {
    LatchOutcome outcome;
    outcome.job = ++last_job_;
    outcome.persisted = true;
    mailbox_.post([done = std::move(done), outcome] { done(outcome); });
    return last_job_;
  }
  void withdraw_latch(size_t, uint64_t) override {}
  void ask_caught_up(size_t, std::function<void(CaughtUpAnswer)>) override {}
  SideHealth side_health(size_t, Side) override { return {}; }
  void journal(const JournalEntry& entry) override { journal_->append(entry); }
  void journal_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms, uint64_t finished,
                      uint64_t uncertain) override {
    journal_->append_fenced(service, epoch, fenced_ms, finished, uncertain);
  }
  void announce(size_t service, std::string_view what) override { api_->announce(service, what); }
  std::string describe_worker(int) override { return "fake"; }
  void worker_stalled(int) override {}

  void on_applied(int worker, uint64_t generation, std::vector<ServiceAtSwitch> found) override {
    mailbox_.post(
        [this, worker, generation, found = std::move(found)] { coordinator_->on_applied(worker, generation, found); });
  }
  void on_fenced(int worker, FencedReport report) override {
    mailbox_.post([this, worker, report] { coordinator_->on_fenced(worker, report); });
  }
  void on_suspect(int, ServerId) override {}
  void on_stopped(int, uint64_t) override {}

  std::unique_ptr<event_base, void (*)(event_base*)> base_{event_base_new(), event_base_free};
  Mailbox mailbox_{base_.get()};
  HelperThread helper_{"files"};
  std::unique_ptr<SwitchCoordinator> coordinator_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<UncertainList> uncertain_;
  std::vector<std::string> listeners_{"127.0.0.1:8080"};
  std::vector<std::string> warnings_;
  std::optional<ControlSocket> socket_;
  std::unique_ptr<ControlApi> api_;
  uint64_t last_job_ = 0;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace halfdoor
