// Random: numbers for ids, jitter and picks.
#pragma once

#include <cstdint>

namespace halfdoor {

// xorshift64*: not for secrets.
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
  // Below `bound`, which is not 0.
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(((next() >> 32) * bound) >> 32); }

 private:
  static uint64_t scramble(uint64_t seed) {
    seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBULL;
    return seed ^ (seed >> 31);
  }

  uint64_t state_;
};

}  // namespace halfdoor
