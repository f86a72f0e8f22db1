// The body of POST /v1/services/NAME/mode.
#pragma once

#include <string>

#include "base/result.h"
#include "control/mode_request.h"

namespace halfdoor {

// Everything but the actor. `default_wait` where wait_ms is left out. The error names the key and says what to write;
// unknown keys are errors.
Result<ModeRequest> parse_mode_body(const std::string& body, Milliseconds default_wait, WallTime now);

}  // namespace halfdoor
