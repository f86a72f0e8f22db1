// One-shot timers.
#include "timer.h"

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

namespace salon {

Timer::Timer(event_base* base, std::function<void()> on_time)
    : on_time_(std::move(on_time)), event_(evtimer_new(base, &Timer::fire, this), event_free) {
  if (event_ == nullptr) throw std::runtime_error("cannot create a timer");
}

void Timer::start(std::int64_t delay_ms) {
  const timeval delay{static_cast<time_t>(delay_ms / 1000), static_cast<suseconds_t>(delay_ms % 1000 * 1000)};
  evtimer_add(event_.get(), &delay);
}

void Timer::stop() { evtimer_del(event_.get()); }

void Timer::fire(evutil_socket_t, short, void* self) {
  // A copy, because the function may destroy the timer that holds it.
  const auto on_time = static_cast<Timer*>(self)->on_time_;
  try {
    on_time();
  } catch (const std::exception& error) {
    // libevent is C and cannot let it pass. An exchange that was left unanswered answers 500 by itself.
    std::fprintf(stderr, "salon: %s\n", error.what());
  }
}

void Delays::run_after(std::int64_t delay_ms, std::function<void()> action) {
  const auto timer = timers_.emplace(timers_.end());
  *timer = std::make_unique<Timer>(base_, [this, timer, action = std::move(action)] {
    timers_.erase(timer);
    action();
  });
  (*timer)->start(delay_ms);
}

}  // namespace salon
