// The time of `--until`, as operators write it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace halfdoor {

// "2026-11-22T18:00:00Z" (RFC 3339), "18:00" (local time, its next occurrence), "+2h" (from now). The error says what
// to write; a time that is over is an error too.
Result<WallTime> parse_until(std::string_view text, WallTime now);

}  // namespace halfdoor
