#include "base/slice_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace halfdoor {

Slice& SliceQueue::tail_with_space(size_t bytes) {
  Slice* last = count_ == 0 ? nullptr : &at(count_ - 1);
  // The last block may be appended to only where its filled part ends with our last slice: nobody else writes there.
  const bool fits_behind = last != nullptr && last->data + last->size == last->block->tail() &&
                           last->block->space() >= bytes && last->block.is_sole();
  if (fits_behind) return *last;
  BlockRef fresh(pool_.take());
  const char* start = fresh->data;
  push({std::move(fresh), start, 0});
  return at(count_ - 1);
}

char* SliceQueue::reserve(size_t bytes) {
  HALFDOOR_CHECK(bytes <= Block::kBytes);
  return tail_with_space(bytes).block->tail();
}

void SliceQueue::commit(size_t bytes) {
  Slice& last = at(count_ - 1);
  last.block->filled += static_cast<uint32_t>(bytes);
  last.size += static_cast<uint32_t>(bytes);
  bytes_ += bytes;
  drop_empty_tail();
}

void SliceQueue::append(std::string_view bytes) {
  while (!bytes.empty()) {
    Slice* last = &tail_with_space(1);
    const size_t copied = std::min<size_t>(bytes.size(), last->block->space());
    std::memcpy(last->block->tail(), bytes.data(), copied);
    last->block->filled += static_cast<uint32_t>(copied);
    last->size += static_cast<uint32_t>(copied);
    bytes_ += copied;
    bytes.remove_prefix(copied);
  }
}

void SliceQueue::append(std::string_view bytes, const BlockRef& holder) {
  if (bytes.size() < (count_ < kFewSlices ? kCopyBelowBytes : kCopyBelowBytesBehindOthers)) return append(bytes);
  bytes_ += bytes.size();
  push({holder, bytes.data(), static_cast<uint32_t>(bytes.size())});
}

size_t SliceQueue::move_from(SliceQueue& other, size_t most) {
  size_t moved = 0;
  while (moved < most && !other.empty()) {
    Slice& slice = other.at(0);
    const size_t bytes = std::min<size_t>(slice.size, most - moved);
    append({slice.data, bytes}, slice.block);
    other.consume(bytes);
    moved += bytes;
  }
  return moved;
}

void SliceQueue::copy_from(const SliceQueue& other, size_t most) {
  for (size_t index = 0; index < other.count_ && most > 0; ++index) {
    const Slice& slice = other.at(index);
    const size_t bytes = std::min<size_t>(slice.size, most);
    append({slice.data, bytes}, slice.block);
    most -= bytes;
  }
}

int SliceQueue::gather(struct iovec* out, int most) const {
  const size_t slices = empty() ? 0 : count_ - (at(count_ - 1).size == 0 ? 1 : 0);
  const int filled = static_cast<int>(std::min<size_t>(slices, static_cast<size_t>(most)));
  for (int index = 0; index < filled; ++index) {
    const Slice& slice = at(static_cast<size_t>(index));
    out[index] = {const_cast<char*>(slice.data), slice.size};
  }
  return filled;
}

void SliceQueue::consume(size_t bytes) {
  HALFDOOR_CHECK(bytes <= bytes_);
  bytes_ -= bytes;
  while (bytes > 0) {
    Slice& slice = at(0);
    if (bytes < slice.size) {
      slice.data += bytes;
      slice.size -= static_cast<uint32_t>(bytes);
      return;
    }
    bytes -= slice.size;
    pop_front();
  }
}

void SliceQueue::clear() {
  while (count_ > 0) pop_front();
  bytes_ = 0;
}

void SliceQueue::drop_empty_tail() {
  if (count_ == 0 || at(count_ - 1).size > 0) return;
  at(count_ - 1).block.reset();
  --count_;
}

void SliceQueue::push(Slice slice) {
  drop_empty_tail();
  if (count_ == capacity_) {
    const size_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
    Slice* larger = new Slice[capacity];
    for (size_t index = 0; index < count_; ++index) larger[index] = std::move(at(index));
    delete[] slices_;
    slices_ = larger;
    capacity_ = capacity;
    first_ = 0;
  }
  ++count_;
  at(count_ - 1) = std::move(slice);
}

void SliceQueue::pop_front() {
  at(0).block.reset();
  first_ = (first_ + 1) & (capacity_ - 1);
  --count_;
}

}  // namespace halfdoor
