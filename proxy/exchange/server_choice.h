// Which of several servers gets a request: the less busy of two that are picked at random, those that have just
// recovered less often. (Two picks come close to knowing the least busy one, without a herd that runs there.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "config/limits.h"
#include "exchange/random.h"

namespace halfdoor {

// Collected anew for each choice; on the stack.
class ServerChoice {
 public:
  static constexpr uint32_t kFullWeight = 256;

  // `server`: the caller's index. `weight`: its share, 1 to kFullWeight.
  void add(size_t server, uint64_t in_flight, uint32_t weight) {
    HALFDOOR_CHECK(count_ < candidates_.size());
    candidates_[count_++] = {static_cast<uint32_t>(server), weight, in_flight};
    total_weight_ += weight;
  }
  bool empty() const { return count_ == 0; }
  // One of those added, at least one. A single one costs no random number.
  size_t choose(Random& random) const;

 private:
  struct Candidate {
    uint32_t server;
    uint32_t weight;
    uint64_t in_flight;
  };

  std::array<Candidate, ListLimits::servers> candidates_;
  uint32_t count_ = 0;
  uint32_t total_weight_ = 0;
};

// The weight of a server that recovered `age_ms` ago: it grows to the full one within `slow_start_ms`.
uint32_t slow_start_weight(int64_t age_ms, int64_t slow_start_ms);

}  // namespace halfdoor
