#include "failover/helper_thread.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <vector>

#include "fixtures.h"

namespace halfdoor {
namespace {

TEST_CASE("jobs_run_in_order_and_all_before_the_end") {
  std::vector<int> seen;
  HelperThread thread("test");
  for (int i = 0; i < 100; ++i) thread.post([&seen, i] { seen.push_back(i); });
  REQUIRE(thread.stop(Milliseconds(20'000)));
  REQUIRE(seen.size() == 100);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("a_job_posted_after_the_end_is_dropped") {
  HelperThread thread("test");
  REQUIRE(thread.stop(Milliseconds(20'000)));
  bool ran = false;
  thread.post([&ran] { ran = true; });
  CHECK(thread.stop(Milliseconds(20'000)));
  CHECK_FALSE(ran);
}

TEST_CASE("a_thread_that_hangs_is_left_behind_and_runs_nothing_more") {
  auto release = std::make_shared<std::promise<void>>();
  auto hanging = std::make_shared<std::atomic<bool>>(false);
  auto finished = std::make_shared<std::atomic<bool>>(false);
  auto ran_another = std::make_shared<std::atomic<bool>>(false);
  {
    HelperThread thread("test");
    thread.post([released = std::shared_future<void>(release->get_future()), hanging, finished] {
      *hanging = true;
      released.wait();
      *finished = true;
    });
    thread.post([ran_another] { *ran_another = true; });
    REQUIRE(eventually([&hanging] { return hanging->load(); }));
    CHECK(thread.busy_for().has_value());
    CHECK_FALSE(thread.stop(Milliseconds(0)));
  }
  release->set_value();
  CHECK(eventually([&finished] { return finished->load(); }));
  // The thread drops its last hold on the jobs when it ends.
  CHECK(eventually([&finished] { return finished.use_count() == 1; }));
  CHECK_FALSE(ran_another->load());
}

TEST_CASE("an_idle_thread_is_not_busy") {
  HelperThread thread("test");
  std::promise<void> ran;
  thread.post([&ran] { ran.set_value(); });
  ran.get_future().wait();
  CHECK(eventually([&thread] { return !thread.busy_for(); }));
}

}  // namespace
}  // namespace halfdoor
