// A bump allocator for what lives exactly as long as one exchange: heads, rewritten fields, identifiers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

#include "base/memory_budget.h"

namespace halfdoor {

// Belongs to one thread. Text stays valid until reset(); the first chunk is kept for the next use, so that a steady
// exchange allocates nothing.
class Arena {
 public:
  static constexpr size_t kFirstChunkBytes = 4096;

  // What it holds beyond the first chunk counts against the budget, which outlives it.
  explicit Arena(MemoryBudget* budget = nullptr) : budget_(budget) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { reset(); }

  // Never null; not initialised; aligned for char.
  char* allocate(size_t bytes) {
    if (bytes > left_) grow(bytes);
    char* at = at_;
    at_ += bytes;
    left_ -= bytes;
    return at;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  std::string_view concat(std::initializer_list<std::string_view> parts) {
    size_t bytes = 0;
    for (std::string_view part : parts) bytes += part.size();
    char* const start = allocate(bytes);
    char* at = start;
    for (std::string_view part : parts) {
      if (!part.empty()) std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
    return {start, bytes};
  }
  void reset() {
    if (chunks_.empty()) return;
    if (chunks_.size() > 1) chunks_.resize(1);
    if (budget_ != nullptr) budget_->release(more_bytes_);
    more_bytes_ = 0;
    at_ = chunks_.front().get();
    left_ = kFirstChunkBytes;
  }

 private:
  void grow(size_t bytes) {
    // The first chunk always has the standard size, so that reset() can keep it.
    if (chunks_.empty()) add_chunk(kFirstChunkBytes);
    if (bytes > left_) add_chunk(bytes > kFirstChunkBytes ? bytes : kFirstChunkBytes);
  }
  void add_chunk(size_t bytes) {
    if (budget_ != nullptr && !chunks_.empty()) {
      budget_->hold(bytes);
      more_bytes_ += bytes;
    }
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    at_ = chunks_.back().get();
    left_ = bytes;
  }

  MemoryBudget* budget_;
  size_t more_bytes_ = 0;  // beyond the first chunk
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* at_ = nullptr;
  size_t left_ = 0;
};

}  // namespace halfdoor
