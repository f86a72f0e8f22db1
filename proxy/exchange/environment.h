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
#include "exchange/random.h"
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
