// MemoryBudget: how much memory the clients of one worker may make it hold, and how much they do.
#pragma once

#include <cstddef>
#include <limits>

#include "base/memory_reserve.h"

namespace halfdoor {

// Belongs to one thread. Nothing is refused in here: whoever could take on more looks at it first.
class MemoryBudget {
 public:
  // Over the budget a buffer of the data path holds no more than this.
  static constexpr size_t kLeanBufferBytes = 4096;

  explicit MemoryBudget(size_t most_bytes = std::numeric_limits<size_t>::max()) : most_(most_bytes) {}

  void hold(size_t bytes) { held_ += bytes; }
  void release(size_t bytes) { held_ -= bytes; }
  size_t held() const { return held_; }
  size_t most() const { return most_; }

  // Nothing is kept for later use any more.
  bool is_tight() const { return held_ > most_ - most_ / 4 || memory_is_exhausted(); }
  // Nothing new is begun, and buffers are lean.
  bool is_over() const { return held_ > most_ || memory_is_exhausted(); }
  // What was let in before has grown since: somebody has to go.
  bool is_far_over() const { return (held_ > most_ && held_ - most_ > most_ / 4) || memory_is_exhausted(); }

 private:
  const size_t most_;
  size_t held_ = 0;
};

}  // namespace halfdoor
