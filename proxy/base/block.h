// Pooled blocks of bytes and slices that share them without copying. One pool per thread; counts are plain integers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/memory_budget.h"

namespace halfdoor {

class BlockPool;

// Bytes that are filled once from the front. Shared by the slices that refer to it, all on one thread.
struct Block {
  static constexpr uint32_t kBytes = 16 * 1024;

  BlockPool* pool = nullptr;
  Block* next_free = nullptr;
  uint32_t references = 0;
  uint32_t filled = 0;  // bytes [0, filled) are taken; only the holder that appends may move it
  char data[kBytes];

  uint32_t space() const { return kBytes - filled; }
  char* tail() { return data + filled; }
};

// Hands out blocks, last in, first out, so that a busy thread keeps using the ones in its cache. Must outlive its
// blocks.
class BlockPool {
 public:
  // Blocks in use count against the budget; unbounded if none is given.
  explicit BlockPool(size_t most_bytes = std::numeric_limits<size_t>::max())
      : budget_(most_bytes), most_kept_(std::min(kMostKept, most_bytes / 8 / sizeof(Block))) {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // Never null: with one reference, nothing filled.
  Block* take();
  void give_back(Block* block);

  size_t in_use() const { return in_use_; }
  size_t kept() const { return kept_; }
  // Of everything that the data path of this thread holds.
  MemoryBudget& budget() { return budget_; }
  const MemoryBudget& budget() const { return budget_; }

 private:
  static constexpr size_t kMostKept = 1024;  // 16 MiB per worker

  MemoryBudget budget_;
  const size_t most_kept_;
  Block* free_ = nullptr;
  size_t kept_ = 0;
  size_t in_use_ = 0;
};

// A reference to one block.
class BlockRef {
 public:
  BlockRef() = default;
  // Takes over the one reference of a block fresh from the pool.
  explicit BlockRef(Block* fresh) : block_(fresh) {}
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_ != nullptr) ++block_->references;
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() { reset(); }

  void reset() {
    if (block_ == nullptr) return;
    if (--block_->references == 0) block_->pool->give_back(block_);
    block_ = nullptr;
  }
  Block* get() const { return block_; }
  Block* operator->() const { return block_; }
  explicit operator bool() const { return block_ != nullptr; }
  bool is_sole() const { return block_->references == 1; }

 private:
  Block* block_ = nullptr;
};

// Some bytes within a block that it keeps alive.
struct Slice {
  BlockRef block;
  const char* data = nullptr;
  uint32_t size = 0;
};

}  // namespace halfdoor
