// A coarse timer wheel: setting a deadline is a store, and the common case of moving it further out is nothing more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/intrusive_list.h"

namespace halfdoor {

class TimerWheel;

// One deadline of one object. Belongs to the thread of its wheel; destroying it disarms it.
class Deadline : public ListLink<TimerWheel> {
 public:
  class Owner {
   public:
    // The deadline has passed and is disarmed. It may be set again, and its owner may be marked for disposal.
    virtual void on_deadline(Deadline& deadline) = 0;

   protected:
    ~Owner() = default;
  };

  Deadline(TimerWheel& wheel, Owner& owner) : wheel_(wheel), owner_(owner) {}

  // Milliseconds from the start of the present turn. Fires not before, and as a rule at most two ticks after.
  void set(int64_t delay_ms);
  void clear() { expires_ms_ = kNever; }
  bool is_set() const { return expires_ms_ != kNever; }
  int64_t expires_ms() const { return expires_ms_; }

 private:
  friend class TimerWheel;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  TimerWheel& wheel_;
  Owner& owner_;
  int64_t expires_ms_ = kNever;
  int64_t slot_tick_ = 0;  // the tick of the slot it stands in, while linked
};

class TimerWheel {
 public:
  static constexpr int64_t kTickMs = 32;
  static constexpr size_t kSlots = 1024;  // 32 s; what lies further out is looked at again every round

  explicit TimerWheel(int64_t now_ms) : now_ms_(now_ms), tick_(now_ms / kTickMs) {}

  int64_t now_ms() const { return now_ms_; }
  // Moves the time on (never back) without firing anything.
  void set_now(int64_t now_ms) { now_ms_ = now_ms > now_ms_ ? now_ms : now_ms_; }
  // Fires what is due.
  void fire_due();
  // Deadlines that are set; looks at all of them.
  size_t count_set();

 private:
  friend class Deadline;
  using Slot = IntrusiveList<Deadline, TimerWheel>;

  void place(Deadline& deadline);

  std::array<Slot, kSlots> slots_;
  int64_t now_ms_;
  int64_t tick_;  // every slot up to this tick has been fired
};

inline void Deadline::set(int64_t delay_ms) {
  expires_ms_ = wheel_.now_ms_ + delay_ms;
  // Already in a slot that comes no later: it will be looked at there and moved on.
  if (is_linked() && slot_tick_ * TimerWheel::kTickMs <= expires_ms_) return;
  wheel_.place(*this);
}

}  // namespace halfdoor
