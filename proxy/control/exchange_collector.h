// Asks every worker what it has in flight, and does not wait for one that is stuck.
#pragma once

#include <functional>
#include <vector>

#include "worker/worker.h"

struct event_base;

namespace halfdoor {

struct CollectedExchanges {
  std::vector<ExchangeInfo> exchanges;  // by worker, at most kMostExchangesShown
  std::vector<int> silent_workers;      // did not answer within 1 s
};

inline constexpr size_t kMostExchangesShown = 20'000;

// Control thread. `post` runs a call there. `done` is called once, at most 1 s later; the workers may be gone by then.
void collect_exchanges(struct event_base* base, const std::vector<Worker*>& workers,
                       const std::function<void(std::function<void()>)>& post,
                       std::function<void(const CollectedExchanges&)> done);

}  // namespace halfdoor
