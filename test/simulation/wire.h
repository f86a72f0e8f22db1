// Messages as a test sees them on the wire: cut out of a stream of bytes by a reader that is not the proxy's own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace halfdoor {

struct WireMessage {
  std::string start_line;
  std::string fields;   // lines, each ended by CRLF
  std::string body;     // decoded
  size_t size = 0;      // bytes on the wire
  bool is_cut = false;  // the stream ended before the message did

  std::string method() const;  // of a request
  std::string target() const;
  int status() const;  // of a response
  // The value of the first field of this name, ASCII case ignored; empty if there is none.
  std::string field(std::string_view name) const;
  bool has_field(std::string_view name) const;
};

struct WireContext {
  bool is_response = false;
  bool answers_head = false;  // a response to HEAD
  bool has_ended = false;     // no more bytes will come
};

// The message in front; null if it is not complete yet. Interim responses are messages of their own.
std::optional<WireMessage> cut_message(std::string_view bytes, const WireContext& context);

}  // namespace halfdoor
