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

}  // namespace halfdoor::reference
