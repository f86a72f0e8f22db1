// AccessQueue: the buffers of access log lines of one worker, on their way to the thread that writes them and back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/spsc_ring.h"

namespace halfdoor {

// Shared by a worker and the writer; outlives both through shared_ptr, because a writer that hangs is left behind. No
// lock, no waiting. All memory is taken at the start, but used, and so backed by the kernel, only when the writer lags.
class AccessQueue {
 public:
  static constexpr size_t kBuffers = 16;
  struct Buffer {
    static constexpr size_t kBytes = 160 << 10;
    size_t used = 0;
    uint32_t lines = 0;
    char data[kBytes];

    std::string_view text() const { return {data, used}; }
  };

  AccessQueue() : buffers_(std::make_unique_for_overwrite<Buffer[]>(kBuffers)) {
    for (size_t i = kBuffers; i > 0; --i) free_[kBuffers - i] = &buffers_[i - 1];
  }

  // Worker's thread ---------------------------------------------------------------------------------------------------
  // An empty one, the last that came back first; null: all are on their way.
  Buffer* take_empty() {
    collect();
    if (free_count_ == 0) return nullptr;
    Buffer* const buffer = free_[--free_count_];
    buffer->used = 0;
    buffer->lines = 0;
    return buffer;
  }
  // So much is on its way that the writer should not be waited for any longer.
  bool is_filling_up() {
    collect();
    return free_count_ < kBuffers - kBuffers / 4;
  }
  // There are no more buffers than places.
  void hand_over(Buffer* buffer) { (void)full_.push(buffer); }
  void count_dropped() { dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  // Writer's thread ---------------------------------------------------------------------------------------------------
  // The oldest; null: none.
  Buffer* take_full() {
    Buffer* buffer = nullptr;
    return full_.pop(buffer) ? buffer : nullptr;
  }
  bool has_full() const { return !full_.empty(); }
  void give_back(Buffer* buffer) { (void)returned_.push(buffer); }

  // Any thread: lines for which there was no room.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void collect() {
    for (Buffer* buffer = nullptr; returned_.pop(buffer);) free_[free_count_++] = buffer;
  }

  std::unique_ptr<Buffer[]> buffers_;
  SpscRing<Buffer*, kBuffers> full_;
  SpscRing<Buffer*, kBuffers> returned_;
  std::atomic<uint64_t> dropped_{0};  // written by the worker alone
  Buffer* free_[kBuffers] = {};       // the worker's
  size_t free_count_ = kBuffers;
};

}  // namespace halfdoor
