// The path of a target in normal form, for rules. What is forwarded is what the client sent.
#pragma once

#include <string>
#include <string_view>

namespace halfdoor {

enum class PathProblem : unsigned char { none, bad_escape, nul, above_root };
// What makes a path a 400 in every mode: an invalid escape, %00, climbing above the root. Does not allocate.
PathProblem check_path(std::string_view path);

// Percent-decoded once, "//", "/./", "/../" and ";params" resolved; what is empty or a dot at the end leaves a slash.
// The path must have passed check_path(); if not, an invalid escape stays and climbing ends at the root.
std::string normal_form(std::string_view path);
// Whether the path is its own normal form, byte for byte: no escapes, params, empty or dot segments, backslashes,
// segments with a dot at the end, bytes that are no pchar (RFC 3986 3.3). Does not allocate.
bool is_normal_form(std::string_view path);
// For `deny`: decoded until nothing changes (at most 8 rounds), overlong UTF-8 of ASCII characters too, control bytes
// left out, backslash as slash, lower case, dot segments, params, empty segments, dots and blanks at the end of
// segments resolved. Takes any bytes; linear.
std::string deny_form(std::string_view path);

}  // namespace halfdoor
