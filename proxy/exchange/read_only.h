// The one function that decides what read-only means (design 1.7). It serves the filter, the read fallback, every retry
// and the second guard. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/config.h"
#include "http/head.h"

namespace halfdoor {

enum class ReadOnlyVerdict : uint8_t {
  passes,            // changes nothing by its method: may be re-sent, and may go to the other side, unless it has a body
  passes_by_rule,    // an `allow` rule names it: goes once, to the side of the mode
  refused,
};

struct ReadOnlyDecision {
  ReadOnlyVerdict verdict = ReadOnlyVerdict::refused;
  std::string_view why;                   // a literal for log and tests: "method", "deny rule", "body", "override" …
};

// Judges a request as if its service were read-only. The head must have passed the codec. Its result does not depend on
// the mode.
ReadOnlyDecision passes_read_only(const RequestHead& head, const ReadOnlyConfig& rules);

// Passes without an `allow` rule, has no body and asks for no upgrade (design 1.7): may be re-sent, and may go to another
// side than the mode's, in every mode.
bool may_be_resent(const RequestHead& head, const ReadOnlyConfig& rules);

}  // namespace halfdoor
