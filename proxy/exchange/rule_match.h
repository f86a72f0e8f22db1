// Matching of `allow`, `deny` and `graphql` paths (design 1.7, 4). Pure. `allow` errs on the side of no match, `deny`
// on the side of a match: either way a spelling that hosts may read differently can only make the verdict stricter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/rule.h"
#include "exchange/query_parameters.h"
#include "http/head.h"

namespace halfdoor {

// Path and parameter; the method is not looked at. The target must be in normal form and match exactly, case and
// trailing slash included. "*" is one segment, "**" at least one. A parameter must be in the query as the rule writes
// it, once, and under no other spelling. Does not allocate unless parameter names are escaped.
bool allow_matches(const Rule& rule, const RequestHead& head);

// Looks at one request's path in every spelling. Lives as long as `head` and the call; prepares on first use, and
// allocates only for a path that is not in normal form.
//
// A path that every host splits alike (plain escapes, `;params`, case) is compared segment by segment, decoded until
// stable. One that they may not (encoded or doubled slashes, backslashes, dot segments, control bytes) matches as soon
// as the literal segments of a rule appear in it in order: whatever a host drops, keeps or resolves, it cannot make a
// segment that is not there.
class SpellingMatcher {
 public:
  explicit SpellingMatcher(const RequestHead& head) : head_(head), query_(head.query) {}
  SpellingMatcher(const SpellingMatcher&) = delete;
  SpellingMatcher& operator=(const SpellingMatcher&) = delete;

  // Path and parameter of a `deny` rule; the method is not looked at. ASCII case and trailing dots ignored; with or
  // without trailing slash or `.suffix`; a last segment with a suffix of its own ("index.php") also with more segments
  // behind it;
  // "**" may be empty. The parameter may be in the query in any spelling, among others of its name, or its name there
  // too often.
  bool deny_matches(const Rule& rule);
  // The path alone.
  bool path_matches(const Rule& rule);
  // A literal path, as in `graphql`.
  bool matches_path(std::string_view path);

 private:
  enum class Kind : uint8_t { unknown, plain, ambiguous, endless };

  class Pattern;
  void prepare();
  bool matches_pattern(const Pattern& pattern);
  bool matches_plain(Pattern pattern) const;
  bool matches_ambiguous(Pattern pattern) const;

  const RequestHead& head_;
  QueryParameters query_;
  Kind kind_ = Kind::unknown;
  std::string decoded_;
  std::string_view path_;  // plain: what to compare. ambiguous: decoded until stable
  size_t tokens_ = 0;      // ambiguous: how many pieces, empty ones too
};

}  // namespace halfdoor
