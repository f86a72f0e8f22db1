#include "exchange/server_choice.h"

#include <algorithm>

namespace halfdoor {

size_t ServerChoice::choose(Random& random) const {
  if (count_ == 1) return candidates_[0].server;
  uint32_t first = 0;
  for (uint32_t point = random.below(total_weight_); point >= candidates_[first].weight; ++first) {
    point -= candidates_[first].weight;
  }
  uint32_t second = random.below(count_ - 1);
  if (second >= first) ++second;
  const Candidate& a = candidates_[first];
  const Candidate& b = candidates_[second];
  // Idle as it is, a server that has just recovered would otherwise win against every busy one.
  if (b.weight < kFullWeight && random.below(kFullWeight) >= b.weight) return a.server;
  return b.in_flight < a.in_flight ? b.server : a.server;
}

uint32_t slow_start_weight(int64_t age_ms, int64_t slow_start_ms) {
  if (age_ms >= slow_start_ms) return ServerChoice::kFullWeight;
  return static_cast<uint32_t>(std::max<int64_t>(1, age_ms * ServerChoice::kFullWeight / slow_start_ms));
}

}  // namespace halfdoor
