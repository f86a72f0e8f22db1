// The timer wheel against a model: nothing fires early, nothing is lost, nothing fires twice.
#include "event/timer_wheel.h"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <random>
#include <vector>

using namespace halfdoor;

namespace {

struct Recorder final : Deadline::Owner {
  explicit Recorder(TimerWheel& wheel) : deadline(wheel, *this) {}
  void on_deadline(Deadline& fired) override {
    CHECK(&fired == &deadline);
    CHECK_FALSE(deadline.is_set());
    ++count;
    if (then) then();
  }

  Deadline deadline;
  int count = 0;
  std::function<void()> then;
};

void advance_to(TimerWheel& wheel, int64_t now_ms) {
  wheel.set_now(now_ms);
  wheel.fire_due();
}

}  // namespace

TEST_CASE("a deadline fires once, not before its time and at most two ticks after") {
  const int64_t start = GENERATE(0, 31, 32, 1'000'003);
  const int64_t delay = GENERATE(0, 1, 31, 32, 33, 1000, 32'735, 32'736, 32'768, 40'000, 3'600'000);
  TimerWheel wheel(start);
  Recorder recorder(wheel);
  recorder.deadline.set(delay);
  int64_t now = start;
  while (recorder.count == 0) {
    REQUIRE(now <= start + delay + 2 * TimerWheel::kTickMs);
    advance_to(wheel, now += 7);
  }
  CHECK(now >= start + delay);
  advance_to(wheel, now + 100'000);
  CHECK(recorder.count == 1);
}

TEST_CASE("setting further out moves a deadline and setting closer brings it nearer") {
  TimerWheel wheel(1000);
  Recorder recorder(wheel);
  recorder.deadline.set(1000);
  advance_to(wheel, 1900);
  recorder.deadline.set(1000);
  advance_to(wheel, 2890);
  CHECK(recorder.count == 0);
  recorder.deadline.set(10'000);
  recorder.deadline.set(50);
  advance_to(wheel, 3010);
  CHECK(recorder.count == 1);
}

TEST_CASE("a deadline that was cleared or destroyed never fires") {
  TimerWheel wheel(0);
  Recorder cleared(wheel);
  auto destroyed = std::make_unique<Recorder>(wheel);
  cleared.deadline.set(100);
  destroyed->deadline.set(100);
  cleared.deadline.clear();
  destroyed.reset();
  advance_to(wheel, 100'000);
  CHECK(cleared.count == 0);
}

TEST_CASE("a deadline may be set again, cleared and destroyed by another that fires with it") {
  TimerWheel wheel(0);
  Recorder first(wheel);
  Recorder second(wheel);
  auto third = std::make_unique<Recorder>(wheel);
  Recorder fourth(wheel);
  first.then = [&] {
    second.deadline.clear();
    third.reset();
    fourth.deadline.set(500);
    first.deadline.set(0);
    first.then = nullptr;
  };
  for (Recorder* recorder : {&first, &second, third.get(), &fourth}) recorder->deadline.set(100);
  advance_to(wheel, 200);
  CHECK(first.count == 1);
  CHECK(second.count == 0);
  CHECK(fourth.count == 0);
  advance_to(wheel, 264);
  CHECK(first.count == 2);
  advance_to(wheel, 800);
  CHECK(fourth.count == 1);
}

TEST_CASE("after a long stop everything that is overdue fires, and nothing else") {
  const int64_t stop = GENERATE(33'000, 3'600'000, 40'000'000'000);
  TimerWheel wheel(5000);
  std::vector<std::unique_ptr<Recorder>> overdue;
  for (int64_t delay = 0; delay < 33'000; delay += 97) {
    overdue.push_back(std::make_unique<Recorder>(wheel));
    overdue.back()->deadline.set(delay);
  }
  Recorder later(wheel);
  later.deadline.set(stop + 10'000);
  advance_to(wheel, 5000 + stop);
  for (const auto& recorder : overdue) REQUIRE(recorder->count == 1);
  CHECK(later.count == 0);
  advance_to(wheel, 5000 + stop + 9'999);
  CHECK(later.count == 0);
  advance_to(wheel, 5000 + stop + 10'064);
  CHECK(later.count == 1);
}

TEST_CASE("the clock never goes back") {
  TimerWheel wheel(1000);
  wheel.set_now(500);
  CHECK(wheel.now_ms() == 1000);
}

TEST_CASE("random operations agree with a model") {
  const unsigned seed = GENERATE(range(1U, 21U));
  std::mt19937 random(seed);
  TimerWheel wheel(random() % 100'000);
  constexpr size_t kCount = 50;
  std::vector<std::unique_ptr<Recorder>> recorders;
  for (size_t i = 0; i < kCount; ++i) recorders.push_back(std::make_unique<Recorder>(wheel));
  std::vector<int64_t> expected(kCount, -1);  // when it is due; -1: not set
  std::vector<int> fired(kCount, 0);
  for (int step = 0; step < 5000; ++step) {
    const size_t which = random() % kCount;
    switch (random() % 8) {
      case 0:
        recorders[which]->deadline.clear();
        expected[which] = -1;
        break;
      case 1:
      case 2:
      case 3: {
        const int64_t delay = random() % (random() % 10 == 0 ? 100'000 : 3000);
        recorders[which]->deadline.set(delay);
        expected[which] = wheel.now_ms() + delay;
        break;
      }
      default:
        // Now and then a stop that is longer than the wheel.
        advance_to(wheel, wheel.now_ms() + static_cast<int64_t>(random() % (random() % 200 == 0 ? 90'000 : 100)));
        for (size_t i = 0; i < kCount; ++i) {
          const bool has_fired = recorders[i]->count > fired[i];
          fired[i] = recorders[i]->count;
          if (has_fired) {
            REQUIRE(expected[i] >= 0);
            REQUIRE(wheel.now_ms() >= expected[i]);
            expected[i] = -1;
          } else if (expected[i] >= 0) {
            REQUIRE(wheel.now_ms() <= expected[i] + 2 * TimerWheel::kTickMs);
          }
        }
    }
  }
}
