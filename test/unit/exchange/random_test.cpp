#include <catch2/catch.hpp>
#include <set>

#include "exchange/environment.h"

namespace halfdoor {
namespace {

TEST_CASE("workers with neighbouring seeds never give the same request id") {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    Random random(seed);
    for (int i = 0; i < 100; ++i) seen.insert(random.next());
  }
  CHECK(seen.size() == 64 * 100);
}

}  // namespace
}  // namespace halfdoor
