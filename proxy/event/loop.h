// Loop: one thread's libevent base, and the socket streams that live on it.
#pragma once

#include <functional>
#include <memory>

#include "base/address.h"
#include "base/unique_fd.h"
#include "event/connector.h"
#include "event/stream.h"
#include "event/timer_wheel.h"

struct event;
struct event_base;

namespace halfdoor {

// CLOCK_MONOTONIC in milliseconds.
int64_t monotonic_ms();

class Loop;

// Calls back whenever `fd` is readable, until destroyed.
class ReadWatch {
 public:
  ReadWatch(Loop& loop, int fd, std::function<void()> on_readable);
  ReadWatch(const ReadWatch&) = delete;
  ReadWatch& operator=(const ReadWatch&) = delete;
  ~ReadWatch();

  void pause();
  void resume();

 private:
  Loop& loop_;
  std::function<void()> on_readable_;
  event* event_;
};

// Belongs to the thread that waits on it. Without locks: other threads reach it through an eventfd under a ReadWatch.
class Loop : public Connector {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() override;

  event_base* base() { return base_; }
  TimerWheel& wheel() { return wheel_; }
  // Waits for events (not at all, if `may_wait` is false) and runs their callbacks. The clock is read once, between the
  // wait and the first callback.
  void wait(bool may_wait);
  // For callbacks: the first of a turn reads the clock.
  void on_callback() {
    if (!clock_is_read_) read_clock();
  }

  // For an accepted or connected socket, which it takes over. `is_connecting`: not yet usable.
  std::unique_ptr<Stream> adopt(UniqueFd fd, bool is_unix, bool is_connecting);
  std::unique_ptr<Stream> connect(const Address& address, int& error) override;

 private:
  void read_clock();

  event_base* base_;
  event* tick_;
  TimerWheel wheel_;
  bool clock_is_read_ = false;
};

}  // namespace halfdoor
