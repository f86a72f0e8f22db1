// Whether a GraphQL request, in whatever form it comes, executes nothing but queries. Pure; linear. What hosts could
// read in several ways does not count as a query.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"

namespace halfdoor {

enum class GraphqlParameters : uint8_t { none, queries, refused };

// The query part of a target: `query`, `operationName`, `variables` and `extensions`, each at most once, in no other
// spelling, with nothing beside them but parameters that override the method (those are judged elsewhere).
GraphqlParameters read_graphql_parameters(std::string_view query, const std::vector<std::string>& override_names);

// Whether a body of this Content-Type may be a GraphQL request: application/json, application/graphql.
bool is_graphql_type(const FieldList& fields);

// A whole body of such a type: a document, or JSON with the members `query`, `operationName`, `variables` and
// `extensions`, each at most once and no others, or a list of such objects. Every operation of every document must be a
// query, whatever operationName says. A hash (extensions.persistedQuery) passes only beside the text that it is of.
bool has_only_graphql_queries(const FieldList& fields, std::string_view body);

}  // namespace halfdoor
