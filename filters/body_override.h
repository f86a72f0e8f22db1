// Finds what in a complete body may make a host take the request for one of another method: `_method` in urlencoded,
// multipart and JSON bodies (design 1.7, 2). Pure; linear in the body. Nothing calls it yet: until the data path can
// hold a body back, exchange/read_only refuses what would have to be inspected.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exchange/override.h"

namespace halfdoor {

struct BodyOverrides {
  // False: compressed, in a charset or form that hosts may read in several ways, or not well-formed. To be refused.
  bool is_readable = false;
  // Each must pass as a method of its own; "" for one that names none.
  std::vector<std::string> methods;
};

// `fields` of the request, `body` without framing, `names` further names of the parameter. A body of a type that
// carries no override is readable and has none. Strict: what a lenient host could still make sense of is not readable.
//   urlencoded: parameters between "&" or ";", in every spelling of exchange/parameter.h.
//   multipart:  RFC 7578 as browsers write it; no preamble, epilogue, nesting, folding, encodings or "name*".
//   JSON:       RFC 8259; members of objects at every depth, repeated ones too.
BodyOverrides find_body_overrides(const FieldList& fields, std::string_view body,
                                  const std::vector<std::string>& names);

}  // namespace halfdoor
