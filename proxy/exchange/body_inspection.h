// What was found in the complete body of a request that read-only lets pass only if its body does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "exchange/body_parameters.h"
#include "http/head.h"

namespace halfdoor {

// Lives with its exchange. Small, whatever the body: what read_only judges by, not the body itself.
struct BodyFindings {
  std::vector<std::string> watched;  // the parameters that were looked for
  BodyParameters parameters;
  bool was_graphql_asked = false;  // whether anybody looked for operations
  bool has_only_queries = false;   // a GraphQL request that executes nothing else

  // Whether they say what these rules ask; if not, the body has to be inspected again.
  bool are_about(const RequestHead& head, const ReadOnlyConfig& rules) const;
};

// The path is in normal form and one of `graphql`: operations may pass here.
bool is_graphql_path(const RequestHead& head, const ReadOnlyConfig& rules);

// Inspects a body, given without its framing. Pure; linear in the body.
BodyFindings inspect_body(const RequestHead& head, std::string_view body, const ReadOnlyConfig& rules);
// What a body counts as that is too large to be looked into: not readable.
BodyFindings findings_of_large_body(const RequestHead& head, const ReadOnlyConfig& rules);

}  // namespace halfdoor
