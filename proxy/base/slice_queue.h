// SliceQueue: bytes on their way, in order. Small pieces are copied together, large ones are shared with the block they
// arrived in.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <string_view>

#include "base/block.h"

namespace halfdoor {

// Belongs to one thread. The ring of slices grows to what is needed and is kept, so that steady use allocates nothing.
class SliceQueue {
 public:
  // Pieces below this size are copied behind the previous ones; above, a reference costs less than the copy.
  static constexpr size_t kCopyBelowBytes = 2048;
  // Where so many slices wait already, the queue is not emptied as fast as it is filled: then memory counts more than
  // the copy, and only pieces that make up half of a block keep one of their own.
  static constexpr size_t kFewSlices = 2;
  static constexpr size_t kCopyBelowBytesBehindOthers = Block::kBytes / 2;

  explicit SliceQueue(BlockPool& pool) : pool_(pool) {}
  SliceQueue(const SliceQueue&) = delete;
  SliceQueue& operator=(const SliceQueue&) = delete;
  ~SliceQueue() {
    clear();
    delete[] slices_;
  }

  const MemoryBudget& budget() const { return pool_.budget(); }
  bool empty() const { return bytes_ == 0; }
  size_t size() const { return bytes_; }

  // Copies.
  void append(std::string_view bytes);
  // Shares `holder`, which contains `bytes`, when they are large enough to be worth it; copies otherwise. However the
  // bytes come, the blocks that a queue keeps are at most about three times what is in it, and two more.
  void append(std::string_view bytes, const BlockRef& holder);
  // Contiguous room for up to `bytes` (at most Block::kBytes) behind what is there; commit() says how many were
  // written. commit(0) gives the room back. Room that is never committed is forgotten at the next append.
  char* reserve(size_t bytes);
  void commit(size_t bytes);
  // Moves up to `most` bytes of `other` behind ours; returns how many.
  size_t move_from(SliceQueue& other, size_t most);
  // Copies up to `most` bytes of `other` behind ours without taking them (sharing blocks where that pays).
  void copy_from(const SliceQueue& other, size_t most);

  // Describes the first bytes for writev; returns how many entries were filled.
  int gather(struct iovec* out, int most) const;
  std::string_view front() const { return count_ == 0 ? std::string_view{} : view(at(0)); }
  void consume(size_t bytes);
  void clear();

 private:
  static std::string_view view(const Slice& slice) { return {slice.data, slice.size}; }
  const Slice& at(size_t index) const { return slices_[(first_ + index) & (capacity_ - 1)]; }
  Slice& at(size_t index) { return slices_[(first_ + index) & (capacity_ - 1)]; }
  // Only the last slice may be empty, between reserve() and commit(): while size() > 0 the first one is not.
  void drop_empty_tail();
  void push(Slice slice);
  // The last slice, with room for at least `bytes` more behind it.
  Slice& tail_with_space(size_t bytes);
  void pop_front();

  BlockPool& pool_;
  Slice* slices_ = nullptr;  // ring buffer; a power of two, kept once it has grown
  size_t capacity_ = 0;
  size_t first_ = 0;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace halfdoor
