// Schedule: simulated time, and everything that is to happen in it. Two events of one moment come in the order in which
// they were scheduled.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace halfdoor {

// Microseconds of simulated time, from 0.
using Micros = int64_t;
inline constexpr Micros kMs = 1'000;
inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kNeverUs = -1;

class Schedule {
 public:
  using Call = std::function<void()>;

  Micros now() const { return now_; }
  uint64_t events() const { return made_; }
  // `call` outlives whatever it refers to, or asks whether that is still there.
  void after(Micros delay, Call call);
  // Makes what is due up to `until`, then stands there. Ends earlier as soon as `is_over` says so. May be called from
  // within an event: somebody waits while the world goes on.
  void run_until(Micros until, const std::function<bool()>& is_over = nullptr);

 private:
  struct Event {
    Micros at;
    uint64_t number;
    Call call;
  };
  static bool is_later(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.number > b.number; }

  std::vector<Event> heap_;
  Micros now_ = 0;
  uint64_t numbered_ = 0;
  uint64_t made_ = 0;
};

}  // namespace halfdoor
