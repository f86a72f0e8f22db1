// Finds in a complete body the parameters by which rules decide: `_method` and the like, in urlencoded, multipart and
// JSON bodies (design 1.7, 2). Pure; linear in the body.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/override.h"

namespace halfdoor {

struct BodyParameter {
  std::string name;  // as it was asked for
  // As the body has it, escapes decoded once; null where it is not one clear text, or a long one (kLongestValue).
  std::optional<std::string> value;

  bool operator==(const BodyParameter&) const = default;
};

struct BodyParameters {
  static constexpr size_t kLongestValue = 256;
  static constexpr size_t kMost = 32;

  // False: compressed, in a charset or form that hosts may read in several ways, not well-formed, or with more than
  // kMost different values. To be refused; nothing is in `found` then.
  bool is_readable = false;
  std::vector<BodyParameter> found;  // each once
};

// Looks for parameters that a host may read as one of `names`. `fields` of the request, `body` without framing. A body
// of a type that carries no parameters is readable and has none. Strict: what a lenient host could still make sense of
// is not readable.
//   urlencoded: parameters between "&", and between "&" or ";", in every spelling of exchange/parameter.h.
//   multipart:  RFC 7578 as browsers write it; no preamble, epilogue, nesting, folding, encodings or "name*".
//   JSON:       RFC 8259; members of objects at every depth, repeated ones too.
BodyParameters find_body_parameters(const FieldList& fields, std::string_view body,
                                    const std::vector<std::string>& names);

// Whether Content-Type says nothing about a charset, or names one in which ASCII is spelled as in ASCII.
bool is_plain_type(std::string_view content_type);

}  // namespace halfdoor
