// Rule: one entry of `read_only.allow` or `read_only.deny`, parsed. Matching is in exchange/read_only.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halfdoor {

// "POST /availability/search", "GET /bookings/*/cancel", "GET /index.php?action=delete". Immutable once parsed.
struct Rule {
  struct Parameter {
    std::string name;
    std::string value;

    bool operator==(const Parameter&) const = default;
  };

  std::string method;                  // a token, case-sensitive (RFC 9110 9.1)
  std::vector<std::string> segments;   // literal, or "*" for one segment, or "**" (last only) for the rest
  bool trailing_slash = false;         // the pattern ends with "/"
  std::optional<Parameter> parameter;  // must be among those of the query
  std::string text;                    // as the operator wrote it

  // Path and parameter must be in normal form (decoded, no "//", dot segments, ";params"); an error says how to write
  // it instead. Bytes from 0x80 pass: for `deny`, whose paths are decoded. "GET /" has no segments and trailing_slash.
  static Result<Rule> parse(std::string_view text);
  bool operator==(const Rule&) const = default;
};

}  // namespace halfdoor
