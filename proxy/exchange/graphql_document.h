// What a GraphQL document would execute (specification of October 2021). Pure; linear in the text; no recursion deeper
// than kMostGraphqlDepth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace halfdoor {

inline constexpr size_t kMostGraphqlTokens = 15'000;
inline constexpr size_t kMostGraphqlDepth = 100;  // of braces, brackets and parentheses

enum class GraphqlDocument : uint8_t {
  queries,     // at least one query (or "{…}"), fragments, and nothing else
  other,       // a mutation or subscription is in it
  unreadable,  // anything else: no operation, a definition of another kind, not well-formed, over a limit
};

// Reads `text` (UTF-8) to its end by the whole grammar of executable documents. Refused besides, because hosts read it
// in several ways: control characters, U+0080-U+009F and the line and paragraph separators (line ends to some); block
// strings behind which a host that does not know them would find another operation. Characters beyond U+FFFF may stand
// in strings and comments, as hosts have it.
GraphqlDocument read_graphql_document(std::string_view text);

}  // namespace halfdoor
