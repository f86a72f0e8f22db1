#include "event/timer_wheel.h"

#include <algorithm>

namespace halfdoor {

void TimerWheel::place(Deadline& deadline) {
  deadline.leave();
  const int64_t due = deadline.expires_ms_ / kTickMs + 1;  // the slot is fired once its whole tick has passed
  deadline.slot_tick_ = std::clamp<int64_t>(due, tick_ + 1, tick_ + static_cast<int64_t>(kSlots) - 1);
  slots_[static_cast<size_t>(deadline.slot_tick_) % kSlots].push_back(deadline);
}

size_t TimerWheel::count_set() {
  size_t count = 0;
  for (Slot& slot : slots_) {
    for (Deadline& deadline : slot) count += deadline.is_set() ? 1 : 0;
  }
  return count;
}

void TimerWheel::fire_due() {
  const int64_t target = now_ms_ / kTickMs;
  // After a long stop one round over all slots sees everything.
  tick_ = std::max(tick_, target - static_cast<int64_t>(kSlots));
  while (tick_ < target) {
    ++tick_;
    Slot due;
    due.take(slots_[static_cast<size_t>(tick_) % kSlots]);
    while (Deadline* deadline = due.pop_front()) {
      if (!deadline->is_set()) continue;
      if (deadline->expires_ms_ > now_ms_) {
        place(*deadline);
        continue;
      }
      deadline->clear();
      deadline->owner_.on_deadline(*deadline);
    }
  }
}

}  // namespace halfdoor
