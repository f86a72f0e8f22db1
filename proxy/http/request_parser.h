// Makes a checked RequestHead of the text of a head (RFC 9112 3, 5, 6; robustness.md, "HTTP/1 requests").
#pragma once

#include <cstddef>
#include <string_view>

#include "base/arena.h"
#include "http/head.h"
#include "http/message_error.h"

namespace halfdoor {

// `text`: lines ended by CRLF without the empty one, free of control bytes; it must live as long as `head`, as must
// `arena`. `head` must be clear. Status 0: the head is valid.
MessageError parse_request_head(std::string_view text, size_t most_fields, Arena& arena, RequestHead& head);

}  // namespace halfdoor
