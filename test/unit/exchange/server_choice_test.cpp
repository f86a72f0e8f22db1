#include "exchange/server_choice.h"

#include <array>
#include <catch2/catch.hpp>
#include <tuple>
#include <vector>

namespace halfdoor {
namespace {

constexpr uint32_t kFull = ServerChoice::kFullWeight;
constexpr int kRounds = 20'000;

struct Server {
  uint64_t in_flight = 0;
  uint32_t weight = kFull;
};

// How often each was chosen, of 1.
std::vector<double> shares(const std::vector<Server>& servers) {
  Random random(7);
  std::vector<double> share(servers.size());
  for (int i = 0; i < kRounds; ++i) {
    ServerChoice choice;
    for (size_t k = 0; k < servers.size(); ++k) choice.add(k, servers[k].in_flight, servers[k].weight);
    share[choice.choose(random)] += 1.0 / kRounds;
  }
  return share;
}

TEST_CASE("a single server is chosen without a random number") {
  Random random(7), untouched(7);
  ServerChoice choice;
  CHECK(choice.empty());
  choice.add(5, 1000, 1);
  CHECK_FALSE(choice.empty());
  CHECK(choice.choose(random) == 5);
  CHECK(random.next() == untouched.next());
}

TEST_CASE("of two servers the less busy one gets every request") {
  CHECK(shares({{3, kFull}, {2, kFull}})[1] == Approx(1));
  CHECK(shares({{0, kFull}, {1, kFull}})[0] == Approx(1));
}

TEST_CASE("servers that are equally busy share the requests") {
  for (const double share : shares({{4}, {4}})) CHECK(share == Approx(1.0 / 2).margin(0.02));
  for (const double share : shares({{}, {}, {}, {}, {}})) CHECK(share == Approx(1.0 / 5).margin(0.02));
}

TEST_CASE("of many servers the busiest gets nothing and the least busy one not everything") {
  const auto share = shares({{1}, {9}, {2}, {3}});
  CHECK(share[1] == 0);
  // It is one of the two picks.
  CHECK(share[0] == Approx(1.0 / 2).margin(0.02));
  CHECK(share[2] == Approx(1.0 / 3).margin(0.02));
  CHECK(share[3] == Approx(1.0 / 6).margin(0.02));
}

TEST_CASE("as many servers as a side may have are chosen from") {
  const auto share = shares(std::vector<Server>(ListLimits::servers));
  for (const double each : share) CHECK(each > 0);
}

TEST_CASE("a server that has just recovered gets little although it is idle, then more and more") {
  double last = 0;
  for (const uint32_t weight : {1u, kFull / 8, kFull / 4, kFull / 2, kFull}) {
    const double share = shares({{50, kFull}, {0, weight}})[1];
    const double w = static_cast<double>(weight) / kFull;
    CHECK(share == Approx(2 * w / (1 + w)).margin(0.02));
    CHECK(share > last);
    last = share;
  }
  CHECK(last == Approx(1));
}

TEST_CASE("servers that have all just recovered share the requests") {
  for (const double share : shares({{0, 1}, {0, 1}, {0, 1}})) CHECK(share == Approx(1.0 / 3).margin(0.02));
}

TEST_CASE("the weight grows from next to nothing to the full one within slow_start") {
  const auto [age_ms, slow_start_ms, weight] = GENERATE(table<int64_t, int64_t, uint32_t>({
      {0, 10'000, 1},
      {1, 10'000, 1},
      {1'000, 10'000, kFull / 10},
      {5'000, 10'000, kFull / 2},
      {9'999, 10'000, kFull - 1},
      {10'000, 10'000, kFull},
      {3'600'000, 10'000, kFull},
      {0, 0, kFull},
      {-5, 10'000, 1},  // the clock of another thread is a little ahead
  }));
  CAPTURE(age_ms, slow_start_ms);
  CHECK(slow_start_weight(age_ms, slow_start_ms) == weight);
}

}  // namespace
}  // namespace halfdoor
