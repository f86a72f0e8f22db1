#include "simulation/schedule.h"

#include <algorithm>
#include <utility>

namespace halfdoor {

void Schedule::after(Micros delay, Call call) {
  heap_.push_back({now_ + std::max<Micros>(0, delay), ++numbered_, std::move(call)});
  std::push_heap(heap_.begin(), heap_.end(), is_later);
}

void Schedule::run_until(Micros until, const std::function<bool()>& is_over) {
  while (!heap_.empty() && heap_.front().at <= until) {
    if (is_over && is_over()) return;
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = std::max(now_, event.at);
    ++made_;
    event.call();
  }
  now_ = std::max(now_, until);
}

}  // namespace halfdoor
