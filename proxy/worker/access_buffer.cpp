#include "worker/access_buffer.h"

#include <utility>

namespace halfdoor {

AccessBuffer::AccessBuffer(std::shared_ptr<AccessQueue> queue, AccessFormat format, Calls calls)
    : queue_(std::move(queue)), calls_(std::move(calls)), line_(format) {}

AccessBuffer::~AccessBuffer() {
  if (buffer_ != nullptr) hand_over();
}

void AccessBuffer::write(const AccessRecord& record) {
  if (buffer_ != nullptr && AccessQueue::Buffer::kBytes - buffer_->used < AccessLine::kLongestBytes) hand_over();
  if (buffer_ == nullptr) buffer_ = queue_->take_empty();
  if (buffer_ == nullptr) {
    queue_->count_dropped();
    has_dropped_ = true;
    return;
  }
  char* const end = line_.write(buffer_->data + buffer_->used, record);
  buffer_->used = static_cast<size_t>(end - buffer_->data);
  ++buffer_->lines;
}

void AccessBuffer::end_turn(int64_t now_ms) {
  if (has_dropped_) {
    has_dropped_ = false;
    calls_.complain(now_ms);
  }
  if (buffer_ == nullptr) return;
  if (oldest_ms_ < 0) oldest_ms_ = now_ms;
  if (buffer_->used >= kFullBytes || now_ms - oldest_ms_ >= kMostAgeMs) hand_over();
}

void AccessBuffer::hand_over() {
  queue_->hand_over(std::exchange(buffer_, nullptr));
  oldest_ms_ = -1;
  calls_.handed_over(queue_->is_filling_up());
}

}  // namespace halfdoor
