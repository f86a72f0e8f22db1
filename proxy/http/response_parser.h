// Makes a checked ResponseHead of the text of a head (RFC 9112 4, 5, 6; robustness.md, "Responses from a server").
#pragma once

#include <cstddef>
#include <string_view>

#include "http/head.h"

namespace halfdoor {

// What the request says about its response.
struct ResponseExpectation {
  bool is_head = false;        // the method was HEAD
  bool upgrade_asked = false;  // a 101 would be legitimate
};

// `text`: lines ended by CRLF without the empty one, free of control bytes; it must live as long as `head`. `head` must
// be clear. Returns a literal that says what is wrong; empty: the head is valid.
std::string_view parse_response_head(std::string_view text, size_t most_fields, ResponseExpectation expectation,
                                     ResponseHead& head);

}  // namespace halfdoor
