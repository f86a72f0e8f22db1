// The thread of a worker: its loop, its mailbox, and the one visible turn.
#include "worker/worker.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "base/thread_state.h"
#include "event/loop.h"
#include "worker/acceptor.h"
#include "worker/worker_core.h"

namespace halfdoor {

namespace {

// Reads the clock at most once per turn.
class SystemWallClock final : public WallClock {
 public:
  explicit SystemWallClock(const Counter& turns) : turns_(turns) {}

  int64_t unix_ms() const override {
    using namespace std::chrono;
    if (const uint64_t turn = turns_.get(); turn != read_in_turn_) {
      read_in_turn_ = turn;
      unix_ms_ = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    }
    return unix_ms_;
  }

 private:
  const Counter& turns_;
  mutable uint64_t read_in_turn_ = ~uint64_t{0};
  mutable int64_t unix_ms_ = 0;
};

class WorkerThread final : public Worker {
 public:
  explicit WorkerThread(WorkerOptions options)
      : options_(std::move(options)),
        counters_(options_.snapshot->config()),
        wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~WorkerThread() override {
    stop_now();
    if (thread_.joinable()) thread_.join();
  }

  Status launch() {
    if (!wakeup_) return Error{"cannot make an eventfd for a worker"};
    // Signals are the control thread's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return {};
  }

  void publish(std::shared_ptr<const Snapshot> snapshot) override {
    post([snapshot = std::move(snapshot)](WorkerThread& self) { self.core_->apply(snapshot); });
  }
  void list_exchanges(std::function<void(std::vector<ExchangeInfo>)> answer) override {
    post([answer = std::move(answer)](WorkerThread& self) { answer(self.core_->list_exchanges()); });
  }
  void stop(Milliseconds drain) override {
    post([drain](WorkerThread& self) {
      for (const auto& acceptor : self.acceptors_) acceptor->close();
      self.core_->begin_stop(drain);
    });
  }
  void stop_now() override {
    must_end_.store(true, std::memory_order_release);
    wake();
  }
  const WorkerCounters& counters() const override { return counters_; }
  std::string describe() const override {
    return fmt::format("worker {}: {} in turn {} ({}), {} exchanges, {} connections", options_.index,
                       doing_.load(std::memory_order_relaxed), counters_.turns.get(),
                       describe_thread(thread_id_.load(std::memory_order_relaxed)), counters_.exchanges.get(),
                       counters_.connections.get());
  }

 private:
  using Message = std::function<void(WorkerThread&)>;

  void post(Message message) {
    {
      const std::lock_guard lock(mutex_);
      mailbox_.push_back(std::move(message));
    }
    wake();
  }
  void wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wakeup_.get(), &one, sizeof(one));
  }
  void read_mailbox() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wakeup_.get(), &count, sizeof(count));
    std::vector<Message> messages;
    {
      const std::lock_guard lock(mutex_);
      messages.swap(mailbox_);
    }
    does("does what the control thread said");
    for (const Message& message : messages) message(*this);
    does("handles events");
  }

  // For describe(); text that lives for ever.
  void does(const char* what) { doing_.store(what, std::memory_order_relaxed); }

  void run() {
    thread_id_.store(present_thread_id(), std::memory_order_relaxed);
    pthread_setname_np(pthread_self(), fmt::format("worker-{}", options_.index).c_str());
    loop_ = std::make_unique<Loop>();
    core_ = std::make_unique<WorkerCore>(
        WorkerCoreOptions{options_.index, options_.snapshot, options_.observer, options_.ledger.get(),
                          options_.access_log.get(), &counters_, &wall_clock_, options_.most_connections,
                          options_.most_memory, options_.client_counts, options_.health, options_.seed},
        loop_->wheel(), *loop_);
    options_.snapshot.reset();
    for (size_t i = 0; i < options_.listening_sockets.size(); ++i) {
      acceptors_.push_back(std::make_unique<Acceptor>(
          *loop_, std::move(options_.listening_sockets[i]), counters_,
          [this, i](std::unique_ptr<Stream> stream, const Address& peer, std::string_view local) {
            core_->accept(std::move(stream), i, peer, local);
          }));
    }
    const auto mailbox = std::make_unique<ReadWatch>(*loop_, wakeup_.get(), [this] { read_mailbox(); });
    while (!must_end_.load(std::memory_order_acquire)) turn();
    acceptors_.clear();
    core_.reset();
    options_.access_log.reset();
  }

  // One iteration of the loop; everything that this thread ever does happens in here.
  void turn() {
    does("handles events");
    loop_->wait(!core_->has_work());  // callbacks: each does I/O on its own socket and marks others
    does("resumes reading");
    core_->resume();  // reading that was stopped goes on
    does("fires deadlines");
    core_->fire_deadlines();
    does("writes");
    core_->flush();  // one write per marked connection
    does("disposes of what ended");
    core_->dispose();  // nothing of what ended is on the stack any more
    counters_.turns.add();
    // What waits for memory would otherwise ask for it without a pause.
    if (memory_is_exhausted()) std::this_thread::sleep_for(Milliseconds(1));
  }

  WorkerOptions options_;
  WorkerCounters counters_;
  SystemWallClock wall_clock_{counters_.turns};
  UniqueFd wakeup_;
  std::mutex mutex_;
  std::vector<Message> mailbox_;  // guarded by mutex_
  std::atomic<bool> must_end_{false};
  std::atomic<const char*> doing_{"starts"};
  std::atomic<int> thread_id_{0};
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<WorkerCore> core_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(WorkerOptions options) {
  auto worker = std::make_unique<WorkerThread>(std::move(options));
  if (Status launched = worker->launch(); !launched.ok()) return launched.error();
  return std::unique_ptr<Worker>(std::move(worker));
}

}  // namespace halfdoor
