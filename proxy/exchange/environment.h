// ExchangeEnvironment: what the exchanges of one worker share.
#pragma once

#include <cstdint>
#include <string>

#include "base/block.h"
#include "event/timer_wheel.h"
#include "event/turn.h"
#include "exchange/access_log.h"
#include "exchange/generation.h"
#include "exchange/notices.h"
#include "exchange/write_ledger.h"
#include "http/semantics.h"
#include "upstream/counters.h"
#include "upstream/health_board.h"
#include "upstream/pools.h"

namespace halfdoor {

// Wall time for people, read once per second of use.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual int64_t unix_ms() const = 0;
};

// xorshift64*: ids and jitter, not secrets.
class Random {
 public:
  // Neighbouring seeds, as those of workers, yield unrelated numbers (splitmix64; its result 0 would be a fixed point).
  explicit Random(uint64_t seed) : state_(scramble(seed + 0x9E3779B97F4A7C15ULL)) {
    if (state_ == 0) state_ = 1;
  }
  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1DULL;
  }

 private:
  static uint64_t scramble(uint64_t seed) {
    seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBULL;
    return seed ^ (seed >> 31);
  }

  uint64_t state_;
};

struct ExchangeEnvironment {
  Turn& turn;
  TimerWheel& wheel;
  BlockPool& blocks;
  Pools& pools;
  WriteLedger& ledger;
  Notices& notices;
  WorkerCounters& counters;
  HealthBoard& health;
  const WallClock& wall_clock;
  Random random;
  AccessLog* access_log = nullptr;  // null: off
  Generation* current = nullptr;    // the snapshot by which new work is judged

  const Config& config() const { return current->snapshot->config(); }
  const Limits& limits() const { return config().limits; }
  const Timeouts& timeouts() const { return config().timeouts; }
};

}  // namespace halfdoor
