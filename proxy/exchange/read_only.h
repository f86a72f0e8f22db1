// The one function that decides what read-only means (design 1.7). It serves the filter, the read fallback, every retry
// and the second guard. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/config.h"
#include "exchange/body_inspection.h"
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
  // Refused only because nobody has looked into the body yet: everything that can be told from the head would pass.
  bool needs_body = false;
};

// Judges a request as if its service were read-only. The head must have passed the codec. Its result does not depend on
// the mode. `body`: what inspect_body() found in the complete body, null as long as nobody has looked. Without it a
// request is refused (and needs_body is set) that an `allow` rule passes and whose body could carry parameters:
// urlencoded, multipart, JSON or without Content-Type. Bodies of other types, and no body, carry none; compressed ones
// and those whose type cannot be read are refused.
//
// On a path listed in `graphql`, in whatever spelling, a request passes that executes nothing but queries, by the
// parameters in its target and by its body; GET, HEAD and what other rules allow, and POST without any rule. Where they
// pass the path must be in normal form. OPTIONS passes, and GET and HEAD without parameters (the page of an explorer).
//
// Every override must pass besides the method itself, as a method of this path: GET, HEAD and OPTIONS in any case, or
// what an `allow` rule passes, unless a `deny` rule matches. One that is empty names no method and does not pass. A
// field that makes some hosts serve another path (X-Original-URL, X-Rewrite-URL) is refused where rules decide by the
// path. A websocket handshake passes by rule at most.
//
// The parameter of a rule: many hosts read query and body as one. So an `allow` rule with a parameter does not match
// where the body has one of that name too, and a `deny` rule matches wherever its parameter is.
//
// Costs one pass over the fields and allocates nothing for a request without query and body, on a path in normal form.
ReadOnlyDecision passes_read_only(const RequestHead& head, const ReadOnlyConfig& rules,
                                  const BodyFindings* body = nullptr);

// Passes without an `allow` rule, has no body and asks for no upgrade (design 1.7): may be re-sent, and may go to
// another side than the mode's, in every mode.
bool may_be_resent(const RequestHead& head, const ReadOnlyConfig& rules);

// A websocket handshake that would pass as any read, were it none: it goes once, but is no write. (One that a `deny`
// rule, an override or a body speaks against is.)
bool is_mere_handshake(const RequestHead& head, const ReadOnlyConfig& rules);

}  // namespace halfdoor
