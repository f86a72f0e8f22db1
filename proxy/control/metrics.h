// The text of GET /metrics (Prometheus exposition format 0.0.4). Pure.
#pragma once

#include <string>

#include "control/api_json.h"

namespace halfdoor {

std::string metrics_text(const ControlView& view, SteadyTime now);

}  // namespace halfdoor
