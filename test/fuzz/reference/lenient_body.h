// What a lenient host would take for parameters in a body, and for operations in a GraphQL document: readers that
// forgive everything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fuzz/reference/host_path.h"

namespace halfdoor::reference {

// Every parameter of an urlencoded body, at "&" and at ";".
Parameters read_urlencoded(std::string_view body, unsigned decodings);
// The named parts of a multipart body: lines end with LF or CRLF, names of fields in any case, quotes or none.
Parameters read_multipart(std::string_view content_type, std::string_view body);
// Every member of every object in a text that looks like JSON: any string behind which a ":" stands. The value is ""
// unless it is a string.
Parameters read_json(std::string_view body);

// How a host reads a GraphQL document.
struct GraphqlHost {
  bool knows_block_strings = true;
  bool ends_lines_at_unicode = false;  // U+0085, U+2028, U+2029 end a comment
  bool ends_at_nul = false;
};
// The first word of every definition at the top of a document: "query" (for "{", too), "mutation", "fragment", ….
std::vector<std::string> read_graphql_definitions(std::string_view document, const GraphqlHost& host);

}  // namespace halfdoor::reference
