// The path of a target in normal form, for rules. What is forwarded is what the client sent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halfdoor {

enum class PathProblem : unsigned char { none, bad_escape, nul, above_root };
// What makes a path a 400 in every mode: an invalid escape, %00, climbing above the root. Does not allocate.
PathProblem check_path(std::string_view path);

// Percent-decoded once, "//", "/./", "/../" and ";params" resolved. The path must have passed check_path().
std::string normal_form(std::string_view path);
// Whether the path is its own normal form, byte for byte: no escapes, params, empty or dot segments, backslashes,
// bytes outside the unreserved and sub-delims sets. Does not allocate.
bool is_normal_form(std::string_view path);
// For `deny`: decoded until nothing changes (at most 8 rounds), backslash as slash, lower case, dot segments, params
// and empty segments resolved.
std::string deny_form(std::string_view path);

}  // namespace halfdoor
