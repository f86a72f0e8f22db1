#include "failover/helper_thread.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace halfdoor {

using Clock = std::chrono::steady_clock;

struct HelperThread::Shared {
  std::mutex mutex;
  std::condition_variable changed;  // a job came, the end was asked for, the thread has ended
  std::deque<std::function<void()>> jobs;
  std::optional<Clock::time_point> busy_since;
  bool stopping = false;
  bool ended = false;
  std::thread thread;  // touched by the owner only

  void run();
};

void HelperThread::Shared::run() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return stopping || !jobs.empty(); });
    if (jobs.empty()) break;
    std::function<void()> job = std::move(jobs.front());
    jobs.pop_front();
    busy_since = Clock::now();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    busy_since.reset();
  }
  ended = true;
  changed.notify_all();
}

HelperThread::HelperThread(const std::string& name) : shared_(std::make_shared<Shared>()) {
  // Signals are commands, for the control thread to hear; the mask is inherited.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  shared_->thread = std::thread([shared = shared_] { shared->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(shared_->thread.native_handle(), name.substr(0, 15).c_str());
}

HelperThread::~HelperThread() { stop(Milliseconds(1000)); }

void HelperThread::post(std::function<void()> job) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->stopping) return;
  shared_->jobs.push_back(std::move(job));
  shared_->changed.notify_all();
}

bool HelperThread::stop(Milliseconds patience) {
  std::deque<std::function<void()>> dropped;
  {
    std::unique_lock lock(shared_->mutex);
    if (!shared_->thread.joinable()) return shared_->ended;
    shared_->stopping = true;
    shared_->changed.notify_all();
    shared_->changed.wait_until(lock, Clock::now() + patience, [this] { return shared_->ended; });
    if (!shared_->ended) {
      dropped.swap(shared_->jobs);
      shared_->thread.detach();
      return false;
    }
  }
  shared_->thread.join();
  return true;
}

std::optional<Milliseconds> HelperThread::busy_for() const {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->busy_since) return std::nullopt;
  return std::chrono::duration_cast<Milliseconds>(Clock::now() - *shared_->busy_since);
}

}  // namespace halfdoor
