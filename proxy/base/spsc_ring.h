// SpscRing: a bounded queue from one thread to one other, without locks and without waiting.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

namespace halfdoor {

// `kCapacity` must be a power of two. T is copied; what it points to is handed over with it: what the producer wrote
// before push() is seen by the consumer after pop().
template <class T, size_t kCapacity>
class SpscRing {
  static_assert((kCapacity & (kCapacity - 1)) == 0);

 public:
  // Producer. False: full.
  [[nodiscard]] bool push(T value) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kCapacity) return false;
    slots_[tail & (kCapacity - 1)] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  // Consumer.
  bool empty() const { return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire); }
  // Consumer. False: empty.
  [[nodiscard]] bool pop(T& value) {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    value = slots_[head & (kCapacity - 1)];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  std::array<T, kCapacity> slots_{};
  alignas(64) std::atomic<size_t> head_{0};  // the next to pop
  alignas(64) std::atomic<size_t> tail_{0};  // the next to push
};

}  // namespace halfdoor
