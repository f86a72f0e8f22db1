// One-shot timers on the event loop, owned by whoever waits for them.
#pragma once

#include <event2/event.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

namespace salon {

// Destroying it cancels it, also from within its own function.
class Timer {
 public:
  Timer(event_base* base, std::function<void()> on_time);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void start(std::int64_t delay_ms);  // again: the earlier time is forgotten
  void stop();

 private:
  static void fire(evutil_socket_t, short, void* self);

  std::function<void()> on_time_;
  std::unique_ptr<event, void (*)(event*)> event_;
};

// Things to be done later that nobody waits for in particular.
class Delays {
 public:
  explicit Delays(event_base* base) : base_(base) {}
  void run_after(std::int64_t delay_ms, std::function<void()> action);
  void clear() { timers_.clear(); }

 private:
  event_base* base_;
  std::list<std::unique_ptr<Timer>> timers_;
};

}  // namespace salon
