#include "event/loop.h"

#include <event2/event.h>
#include <time.h>

#include <utility>

#include "base/check.h"

namespace halfdoor {

int64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

ReadWatch::ReadWatch(Loop& loop, int fd, std::function<void()> on_readable)
    : loop_(loop),
      on_readable_(std::move(on_readable)),
      event_(event_new(
          loop.base(), fd, EV_READ | EV_PERSIST,
          [](evutil_socket_t, short, void* self) {
            auto* watch = static_cast<ReadWatch*>(self);
            watch->loop_.on_callback();
            watch->on_readable_();
          },
          this)) {
  HALFDOOR_CHECK(event_ != nullptr);
  resume();
}

ReadWatch::~ReadWatch() { event_free(event_); }
void ReadWatch::pause() { event_del(event_); }
void ReadWatch::resume() { event_add(event_, nullptr); }

Loop::Loop() : wheel_(monotonic_ms()) {
  event_config* config = event_config_new();
  HALFDOOR_CHECK(config != nullptr);
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  HALFDOOR_CHECK(base_ != nullptr);
  // Ends a wait so that deadlines are looked at; the time is read by the turn, not here.
  tick_ = event_new(
      base_, -1, EV_PERSIST, [](evutil_socket_t, short, void*) {}, nullptr);
  const timeval period{0, TimerWheel::kTickMs * 1000};
  event_add(tick_, &period);
}

Loop::~Loop() {
  event_free(tick_);
  event_base_free(base_);
}

void Loop::wait(bool may_wait) {
  clock_is_read_ = false;
  event_base_loop(base_, may_wait ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
  on_callback();
}

void Loop::read_clock() {
  clock_is_read_ = true;
  wheel_.set_now(monotonic_ms());
}

}  // namespace halfdoor
