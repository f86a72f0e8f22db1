// How hosts may read a path and a query: reference decoders made from RFC 3986 and from what servers are known to do.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/rule.h"

namespace halfdoor::reference {

// One host, in the order in which it does things: decode, fold overlong UTF-8 and backslashes, cut at what is a query
// or a NUL to it, drop ";params", resolve dot segments, merge slashes, drop dots and blanks at the end of segments.
struct HostModel {
  unsigned decodings = 1;
  bool resolves_first = false;  // dot segments before decoding, too
  bool folds_overlong = false;
  bool backslash_is_slash = false;
  bool cuts_at_query = false;  // a "?" or "#" that was escaped
  bool cuts_at_nul = false;
  bool drops_controls = false;
  bool drops_params = true;
  bool resolves_dots = true;
  bool merges_slashes = true;
  bool trims_segments = false;
};

std::string decode_once(std::string_view text);
// The path as this host would look it up.
std::string read_path(std::string_view path, const HostModel& host);

// Segments between slashes; empty ones where slashes were not merged. "/" has none.
std::vector<std::string> segments_of(std::string_view path);

// Whether a resource that the rule names would be reached: ASCII case ignored, with or without a slash or a ".suffix"
// at the end. "*" is one segment, "**" the rest.
bool names_resource(const Rule& rule, const std::vector<std::string>& segments);
// The same exactly, for `allow`.
bool names_exactly(const Rule& rule, std::string_view path);

using Parameters = std::vector<std::pair<std::string, std::string>>;
// Decoded `decodings` times, "+" a blank; the name cut and trimmed as PHP does: blanks in front, "[…", "." and " " as
// "_".
Parameters read_query(std::string_view query, unsigned decodings, bool splits_at_semicolon);

}  // namespace halfdoor::reference
