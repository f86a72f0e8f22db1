// SideHealth: the health of a side as guards and the automatic see it. Plain data.
#pragma once

#include <optional>
#include <string>

#include "base/text.h"

namespace halfdoor {

struct SideHealth {
  // True: at least one server is healthy. False: every server is unhealthy. Null: nothing is known yet (none is
  // healthy, and at least one has not been checked).
  std::optional<bool> healthy;
  SteadyTime since{};  // since when `healthy` has had this value
  std::string
      detail;  // of the newest failed check, while not healthy: "10.0.0.10:8080: connection refused"; may be empty
};

}  // namespace halfdoor
