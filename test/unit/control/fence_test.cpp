#include "control/fence.h"

#include <catch2/catch.hpp>

namespace halfdoor {

TEST_CASE("a_process_that_has_just_started_is_fenced") {
  const Fence fence(4);
  CHECK(fence.applied());
  CHECK(fence.fenced());
}

TEST_CASE("reports_of_another_epoch_do_not_count") {
  Fence fence(1);
  fence.begin(8, SteadyTime{});
  CHECK_FALSE(fence.on_applied(0, {7, 3, 0}, SteadyTime{}));
  FencedReport old;
  old.epoch = 7;
  old.writes_finished = 3;
  CHECK_FALSE(fence.on_fenced(0, old, SteadyTime{}));
  CHECK_FALSE(fence.applied());
  CHECK(fence.writes_in_flight() == 0);
  CHECK(fence.writes_finished() == 0);
}

TEST_CASE("a_report_that_comes_twice_counts_once") {
  Fence fence(2);
  fence.begin(8, SteadyTime{});
  fence.on_applied(0, {8, 2, 1}, SteadyTime{});
  fence.on_applied(0, {8, 2, 1}, SteadyTime{});
  CHECK(fence.writes_in_flight() == 2);
  CHECK_FALSE(fence.applied());
  CHECK_FALSE(fence.nothing_drains());
}

}  // namespace halfdoor
