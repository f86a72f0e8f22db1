#include "control/access_writer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "control/access_file.h"
#include "event/loop.h"
#include "worker/access_buffer.h"

namespace halfdoor {

namespace {

constexpr int64_t kRetryOpenMs = 2'000;
constexpr int64_t kRetryWriteMs = 200;
constexpr int64_t kComplainMs = 1'000;
// What a stop waits for a disk that is full or a pipe that is not read.
constexpr int64_t kLastTryMs = 1'000;
constexpr int64_t kGatherMs = 50;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

// What the thread, the workers and the control thread share; outlives them if the thread hangs.
struct AccessWriter::Shared {
  Shared(const std::string& path, int workers) : file(path), wakeup(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    HALFDOOR_CHECK(wakeup);
    for (int i = 0; i < workers; ++i) queues.push_back(std::make_shared<AccessQueue>());
  }

  // Any thread.
  void wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t count = ::write(wakeup.get(), &one, sizeof(one));
  }
  uint64_t dropped() const {
    uint64_t total = thrown_away.load(std::memory_order_relaxed);
    for (const auto& queue : queues) total += queue->dropped();
    return total;
  }
  // At most once a second, whichever thread it is.
  void complain(int64_t now_ms) {
    int64_t last_ms = complained_ms.load(std::memory_order_relaxed);
    if (last_ms != 0 && now_ms - last_ms < kComplainMs) return;
    if (!complained_ms.compare_exchange_strong(last_ms, now_ms, std::memory_order_relaxed)) return;
    log_warning("the access log {} takes no more: {} lines dropped so far", file.path(), dropped());
  }

  // The thread.
  void run();
  void open();
  bool write_all();
  bool take_next();
  void give_back();
  void throw_away_all();
  void set_trouble(const std::string& what);
  void tell_what_was_dropped(int64_t now_ms);
  bool has_more() const;
  void wait(int64_t until_ms);

  // Set before the thread starts, or atomic.
  AccessFile file;  // but for its path the thread's
  UniqueFd wakeup;
  std::vector<std::shared_ptr<AccessQueue>> queues;  // by worker
  std::atomic<bool> is_stopping{false};
  std::atomic<bool> must_reopen{false};
  std::atomic<bool> is_idle{false};  // the thread waits to be told of the next buffer
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> thrown_away{0};  // by the thread
  std::atomic<int64_t> complained_ms{0};

  // The thread's.
  AccessQueue::Buffer* buffer = nullptr;  // being written
  size_t written_bytes = 0;               // of it
  size_t from_queue = 0;                  // that it came from
  std::string trouble;                    // why nothing can be written; empty: it can
  bool pipe_is_full = false;
  bool was_busy = false;  // something was taken since the last wait
  int64_t open_again_ms = kNever;
  int64_t write_again_ms = kNever;
  int64_t tell_again_ms = kNever;
  int64_t told_ms = 0;
  uint64_t told_dropped = 0;
};

AccessWriter::AccessWriter(const std::string& path, AccessFormat format, int workers)
    : format_(format), shared_(std::make_shared<Shared>(path, workers)) {
  thread_.post([shared = shared_] { shared->run(); });
}

AccessWriter::~AccessWriter() { stop(Milliseconds(1'000)); }

std::unique_ptr<AccessLog> AccessWriter::make_log(int worker) {
  AccessBuffer::Calls calls;
  calls.handed_over = [shared = shared_](bool is_urgent) {
    if (is_urgent || shared->is_idle.exchange(false, std::memory_order_acq_rel)) shared->wake();
  };
  calls.complain = [shared = shared_](int64_t now_ms) { shared->complain(now_ms); };
  return std::make_unique<AccessBuffer>(shared_->queues[static_cast<size_t>(worker)], format_, std::move(calls));
}

void AccessWriter::reopen() {
  shared_->must_reopen.store(true, std::memory_order_release);
  shared_->wake();
}

bool AccessWriter::stop(Milliseconds patience) {
  shared_->is_stopping.store(true, std::memory_order_release);
  shared_->wake();
  return thread_.stop(patience);
}

uint64_t AccessWriter::written() const { return shared_->written.load(std::memory_order_relaxed); }
uint64_t AccessWriter::dropped() const { return shared_->dropped(); }

void AccessWriter::Shared::run() {
  open();
  int64_t last_try_ms = kNever;
  while (true) {
    // Before the queues are looked at, so that what was handed over before the stop is seen.
    const bool ends = is_stopping.load(std::memory_order_acquire);
    const int64_t now_ms = monotonic_ms();
    if (must_reopen.exchange(false, std::memory_order_acq_rel) || now_ms >= open_again_ms) open();
    const bool is_all_written = write_all();
    tell_what_was_dropped(now_ms);
    if (ends && last_try_ms == kNever) last_try_ms = now_ms + kLastTryMs;
    if (ends && (is_all_written || !file.is_open() || now_ms >= last_try_ms)) break;
    wait(ends ? std::min(now_ms + kRetryWriteMs, last_try_ms) : kNever);
  }
  throw_away_all();
  if (const uint64_t lost = dropped() - told_dropped; lost > 0) {
    log_warning("the access log {} ends, {} lines of it were dropped", file.path(), lost);
  }
}

void AccessWriter::Shared::open() {
  open_again_ms = kNever;
  const std::string_view lines = buffer != nullptr ? buffer->text() : std::string_view{};
  const Status opened = file.open_again(lines, written_bytes);
  if (opened) return;
  open_again_ms = monotonic_ms() + kRetryOpenMs;
  set_trouble(opened.error().message);
}

bool AccessWriter::Shared::write_all() {
  pipe_is_full = false;
  write_again_ms = kNever;
  if (!file.is_open()) {
    throw_away_all();
    return true;
  }
  while (take_next()) {
    const Status status = file.write(buffer->text(), written_bytes);
    if (status && written_bytes < buffer->used) {
      pipe_is_full = true;
      return false;
    }
    if (!status) {
      set_trouble(status.error().message);
      if (!file.is_open()) open_again_ms = monotonic_ms() + kRetryOpenMs;
      write_again_ms = monotonic_ms() + kRetryWriteMs;
      return false;
    }
    written.store(written.load(std::memory_order_relaxed) + buffer->lines, std::memory_order_relaxed);
    give_back();
    // With a file that cannot be reopened the one before is written on.
    if (!trouble.empty() && open_again_ms == kNever) {
      trouble.clear();
      log_warning("the access log {} can be written again", file.path());
    }
  }
  return true;
}

bool AccessWriter::Shared::take_next() {
  for (size_t i = 0; buffer == nullptr && i < queues.size(); ++i) {
    // In turn, so that no worker's lines wait for those of a busier one.
    from_queue = (from_queue + 1) % queues.size();
    buffer = queues[from_queue]->take_full();
    written_bytes = 0;
  }
  return buffer != nullptr;
}

void AccessWriter::Shared::give_back() {
  was_busy = true;
  queues[from_queue]->give_back(std::exchange(buffer, nullptr));
  written_bytes = 0;
}

void AccessWriter::Shared::throw_away_all() {
  while (take_next()) {
    file.give_up(buffer->text(), written_bytes);
    const std::string_view rest = buffer->text().substr(written_bytes);
    const auto lines = static_cast<uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    written.store(written.load(std::memory_order_relaxed) + buffer->lines - lines, std::memory_order_relaxed);
    thrown_away.store(thrown_away.load(std::memory_order_relaxed) + lines, std::memory_order_relaxed);
    give_back();
    complain(monotonic_ms());
  }
}

void AccessWriter::Shared::set_trouble(const std::string& what) {
  if (what == trouble) return;
  trouble = what;
  log_error("the access log: {}; requests are served all the same", what);
}

void AccessWriter::Shared::tell_what_was_dropped(int64_t now_ms) {
  tell_again_ms = kNever;
  const uint64_t total = dropped();
  if (total == told_dropped || !trouble.empty() || buffer != nullptr) return;
  if (now_ms - told_ms < kComplainMs) {
    tell_again_ms = told_ms + kComplainMs;
    return;
  }
  log_warning("the access log {} is written again, {} lines were dropped", file.path(), total - told_dropped);
  told_ms = now_ms;
  told_dropped = total;
}

bool AccessWriter::Shared::has_more() const {
  return std::any_of(queues.begin(), queues.end(), [](const auto& one) { return one->has_full(); });
}

// Until it is time to look again, something was asked for, or the pipe is read. Under load one wait gathers many
// buffers, because to wake up costs more than to write one; only an idle thread is told of each.
void AccessWriter::Shared::wait(int64_t until_ms) {
  until_ms = std::min({until_ms, open_again_ms, write_again_ms, tell_again_ms});
  if (was_busy && !pipe_is_full) {
    until_ms = std::min(until_ms, monotonic_ms() + kGatherMs);
  } else if (buffer == nullptr) {
    // What was handed over before a worker could see this is seen here.
    is_idle.exchange(true, std::memory_order_acq_rel);
    if (has_more()) until_ms = 0;
  }
  was_busy = false;
  pollfd watched[] = {{wakeup.get(), POLLIN, 0}, {file.fd(), POLLOUT, 0}};
  const int64_t left_ms = until_ms == kNever ? -1 : std::max<int64_t>(0, until_ms - monotonic_ms());
  ::poll(watched, pipe_is_full ? 2 : 1, static_cast<int>(left_ms));
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wakeup.get(), &count, sizeof(count));
}

}  // namespace halfdoor
