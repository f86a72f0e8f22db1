// Dice: the one source of chance of a simulation. The same seed gives the same throws everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace halfdoor {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}

  // splitmix64
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : next() % limit; }
  int64_t between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(below(static_cast<uint64_t>(most - least + 1)));
  }
  // Mostly near `least`, now and then up to `most`: delays and sizes.
  int64_t skewed(int64_t least, int64_t most) {
    const auto span = static_cast<uint64_t>(most - least + 1);
    return least + static_cast<int64_t>(below(1 + below(1 + below(span))));
  }
  bool chance(unsigned per_thousand) { return below(1000) < per_thousand; }
  template <class Container>
  auto& pick(Container& from) {
    return from[static_cast<size_t>(below(from.size()))];
  }
  // For an actor of its own, so that its throws do not depend on those of others.
  Dice fork() { return Dice(next()); }

 private:
  uint64_t state_;
};

}  // namespace halfdoor
