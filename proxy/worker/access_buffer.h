// AccessBuffer: the access log as its worker sees it: lines are made in memory and handed over in bulk.
#pragma once

#include <functional>
#include <memory>

#include "exchange/access_log.h"
#include "worker/access_line.h"
#include "worker/access_queue.h"

namespace halfdoor {

class AccessBuffer final : public AccessLog {
 public:
  // How long a line waits at most, and how much for more lines, before it is handed over at the end of a turn.
  static constexpr int64_t kMostAgeMs = 100;
  static constexpr size_t kFullBytes = 128 << 10;

  // `handed_over`: a buffer was; `is_urgent`: a quarter of all are on their way. `complain`: a line was dropped, in the
  // turn of this time. Both are called on the worker's thread and must not wait.
  struct Calls {
    std::function<void(bool is_urgent)> handed_over;
    std::function<void(int64_t now_ms)> complain;
  };

  AccessBuffer(std::shared_ptr<AccessQueue> queue, AccessFormat format, Calls calls);
  // Hands over what is there.
  ~AccessBuffer() override;

  void write(const AccessRecord& record) override;
  void end_turn(int64_t now_ms) override;

 private:
  void hand_over();

  const std::shared_ptr<AccessQueue> queue_;
  const Calls calls_;
  AccessLine line_;
  AccessQueue::Buffer* buffer_ = nullptr;
  int64_t oldest_ms_ = -1;    // the end of the turn of the first line in buffer_; -1: not ended yet
  bool has_dropped_ = false;  // in this turn
};

}  // namespace halfdoor
