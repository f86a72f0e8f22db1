// ServerWatch: what one worker sees of one server: how busy it keeps it, whether the server owes it an answer, and
// since when. Finds out that a server is silent, and has what waits for it moved.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "event/timer_wheel.h"
#include "upstream/counters.h"
#include "upstream/health_board.h"
#include "upstream/server_id.h"

namespace halfdoor {

// Belongs to its worker's thread. An exchange costs it an addition and a subtraction: it looks at the clock now and
// then while something is owed, never once per request.
class ServerWatch final : public Deadline::Owner {
 public:
  class Owner {
   public:
    // Live traffic met an error or silence.
    virtual void on_suspect(ServerWatch& server) = 0;
    // It is silent: called again and again while that lasts and something is owed. `is_news`: to all workers.
    virtual void on_silent(ServerWatch& server, bool is_news) = 0;

   protected:
    ~Owner() = default;
  };

  struct Terms {
    int64_t silent_after_ms = 0;  // failover.read_fallback_after
    int64_t slow_start_ms = 0;
  };

  ServerWatch(ServerId id, const Terms& terms, TimerWheel& wheel, ServerCounters& counters, ServerHealth& health,
              Owner& owner)
      : id_(id),
        terms_(terms),
        wheel_(wheel),
        counters_(counters),
        health_(health),
        owner_(owner),
        deadline_(wheel, *this) {}

  ServerId id() const { return id_; }
  ServerCounters& counters() { return counters_; }
  ServerHealth& health() { return health_; }
  bool is_silent() const { return health_.is_silent(wheel_.now_ms()); }
  bool is_avoided() const { return health_.is_avoided(wheel_.now_ms()); }
  // Its checks say that it may be down: where a request got no answer in time, that was more than a slow one.
  bool is_doubtful() const {
    return health_.health() == Health::unhealthy || health_.is_check_late_or_failed(wheel_.now_ms());
  }
  // A pick passes it over, or does not. Returns whether that is new: its idle connections lead to what is gone.
  bool note_avoided(bool is_avoided) { return !std::exchange(was_avoided_, is_avoided) && is_avoided; }
  // Its share among the servers of its side (ServerChoice).
  uint32_t weight() const;

  // A connection or an answer is owed for one exchange more, or less.
  void begin_owing() {
    if (owing_++ > 0) return;
    owing_since_ms_ = wheel_.now_ms();
    if (!deadline_.is_set()) look_in(terms_.silent_after_ms / 2);
  }
  void end_owing() { --owing_; }

  // Live traffic met an error.
  void suspect() { owner_.on_suspect(*this); }

  void on_deadline(Deadline& deadline) override;

 private:
  void look_in(int64_t delay_ms) {
    look_at_ms_ = wheel_.now_ms() + delay_ms;
    deadline_.set(delay_ms);
  }

  const ServerId id_;
  const Terms terms_;
  TimerWheel& wheel_;
  ServerCounters& counters_;
  ServerHealth& health_;
  Owner& owner_;
  Deadline deadline_;
  uint64_t owing_ = 0;
  int64_t owing_since_ms_ = 0;
  int64_t look_at_ms_ = 0;
  bool is_suspected_ = false;  // during the present silence
  bool was_avoided_ = false;
};

// Those of one worker, by service, side and server.
class ServerWatches {
 public:
  using OfSide = std::vector<std::unique_ptr<ServerWatch>>;

  ServerWatches(const Config& config, TimerWheel& wheel, WorkerCounters& counters, HealthBoard& health,
                ServerWatch::Owner& owner);

  const OfSide& side(uint16_t service, Side side) const { return services_[service][index_of(side)]; }
  ServerWatch& at(ServerId id) const { return *services_[id.service][index_of(id.side)][id.server]; }

 private:
  std::vector<std::array<OfSide, 2>> services_;
};

}  // namespace halfdoor
