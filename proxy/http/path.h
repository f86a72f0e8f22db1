// What of a path is ill-formed, and what is in normal form. What is forwarded is what the client sent.
#pragma once

#include <string_view>

namespace halfdoor {

enum class PathProblem : unsigned char { none, bad_escape, nul, above_root };
// What makes a path a 400 in every mode: an invalid escape, %00, climbing above the root. Does not allocate.
PathProblem check_path(std::string_view path);

// Whether the path is in normal form, so that every host reads it alike: no escapes, ";params", empty or dot segments,
// backslashes, segments with a dot at the end, bytes that are no pchar (RFC 3986 3.3). Does not allocate. Other
// spellings are for exchange/rule_match to compare.
bool is_normal_form(std::string_view path);

}  // namespace halfdoor
