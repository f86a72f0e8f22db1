// BodyPipe: bounded bytes of a body between one pusher and one puller; the only place with back-pressure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/slice_queue.h"

namespace halfdoor {

// Belongs to one thread. The pusher stops reading its socket while is_full(); the puller marks the pusher's connection
// when it has made room. Neither side calls the other from in here.
class BodyPipe {
 public:
  enum class End : uint8_t {
    open,      // more may come
    complete,  // the body ended as its framing says
    aborted,   // it will never be complete
  };

  BodyPipe(BlockPool& pool, size_t capacity_bytes) : bytes_(pool), capacity_(capacity_bytes) {}

  // Over the memory budget it is full earlier.
  // Bytes beyond the capacity are taken all the same: the pusher looks at is_full() before it reads more.
  void push(std::string_view bytes, const BlockRef& holder) {
    bytes_.append(bytes, holder);
    pushed_ += bytes.size();
  }
  void finish() { end_ = End::complete; }
  void abort() { end_ = End::aborted; }
  // For the next message; the memory is kept.
  void reset();
  void set_capacity(size_t capacity_bytes, bool needs_whole = false) {
    capacity_ = capacity_bytes;
    needs_whole_ = needs_whole;
  }

  bool is_full() const {
    return bytes_.size() >= capacity_ ||
           (!needs_whole_ && bytes_.size() >= MemoryBudget::kLeanBufferBytes && bytes_.budget().is_over());
  }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  End end() const { return end_; }
  bool is_finished() const { return end_ == End::complete && bytes_.empty(); }
  uint64_t total_pushed() const { return pushed_; }

  // The puller moves bytes out of it.
  SliceQueue& bytes() { return bytes_; }

 private:
  SliceQueue bytes_;
  size_t capacity_;
  bool needs_whole_ = false;  // nothing is pulled before all has been pushed
  uint64_t pushed_ = 0;
  End end_ = End::open;
};

}  // namespace halfdoor
