// ServerSilence: when a server last sent a byte to any worker, and whether one of them has found it silent.
#pragma once

#include <atomic>
#include <cstdint>

namespace halfdoor {

// Shared by all workers, because a server that answers one of them is slow to the others, not hung. Times are
// CLOCK_MONOTONIC in milliseconds. On a cache line of its own, which is written once per kGrainMs at most.
class alignas(64) ServerSilence {
 public:
  // A byte came on any of its connections, tunnels too.
  void note_byte(int64_t now_ms) {
    if (now_ms >= last_byte_ms_.load(std::memory_order_relaxed) + kGrainMs) {
      last_byte_ms_.store(now_ms, std::memory_order_relaxed);
    }
    if (is_found_.load(std::memory_order_relaxed)) is_found_.store(false, std::memory_order_relaxed);
  }
  // No byte has come since then: rounded up, so that silence is never taken for longer than it was.
  int64_t quiet_since_ms() const { return last_byte_ms_.load(std::memory_order_relaxed) + kGrainMs; }

  // A worker to which it owes an answer has waited in vain for long enough. Holds until a byte comes or a check passes.
  // True for the first who says so.
  bool note_silence() { return !is_found_.exchange(true, std::memory_order_relaxed); }
  bool is_found() const { return is_found_.load(std::memory_order_relaxed); }
  void note_passed_check() { is_found_.store(false, std::memory_order_relaxed); }

 private:
  static constexpr int64_t kGrainMs = 16;

  std::atomic<int64_t> last_byte_ms_{0};
  std::atomic<bool> is_found_{false};
};

}  // namespace halfdoor
