// The one function that decides what read-only means (design 1.7). It serves the filter, the read fallback, every retry
// and the second guard. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/config.h"
#include "http/head.h"

namespace halfdoor {

enum class ReadOnlyVerdict : uint8_t {
  passes,          // changes nothing by its method: may be re-sent, and may go to the other side, unless it has a body
  passes_by_rule,  // an `allow` rule names it: goes once, to the side of the mode
  refused,
};

struct ReadOnlyDecision {
  ReadOnlyVerdict verdict = ReadOnlyVerdict::refused;
  std::string_view why;  // a literal for log and tests: "method", "deny rule", "body", "override" …
};

// Judges a request as if its service were read-only. The head must have passed the codec. Its result does not depend on
// the mode. It decides on the head alone, so what could only be told from a body is refused:
//
//   - a request that an `allow` rule passes and whose body could carry `_method` (urlencoded, multipart, JSON, without
//     Content-Type, or of a type that cannot be read): "body needs inspection". A body of any other type, and no body,
//     carry no override.
//   - on a path listed in `graphql`, everything but OPTIONS, and GET and HEAD without a query: "graphql needs
//   inspection".
//
// Every override must pass besides the method itself, as a method of this path: GET, HEAD and OPTIONS in any case, or
// what an `allow` rule passes, unless a `deny` rule matches. One that is empty names no method and does not pass. A
// field that makes some hosts serve another path (X-Original-URL, X-Rewrite-URL) is refused where rules decide by the
// path. A websocket handshake passes by rule at most. Costs one pass over the fields and allocates nothing for a
// request without query, on a path in normal form.
ReadOnlyDecision passes_read_only(const RequestHead& head, const ReadOnlyConfig& rules);

// Passes without an `allow` rule, has no body and asks for no upgrade (design 1.7): may be re-sent, and may go to
// another side than the mode's, in every mode.
bool may_be_resent(const RequestHead& head, const ReadOnlyConfig& rules);

}  // namespace halfdoor
