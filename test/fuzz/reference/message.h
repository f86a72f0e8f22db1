// A second, slow and strict reader of HTTP/1.1 messages, made from RFC 9112 and 9110 alone, to hold the codecs against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halfdoor::reference {

struct Field {
  std::string name;  // lower case
  std::string value;

  bool operator==(const Field&) const = default;
};

struct Message {
  std::string method;  // requests
  std::string target;
  int status = 0;  // responses
  std::string reason;
  int minor_version = 1;
  std::vector<Field> fields;
  std::vector<Field> trailers;
  std::string body;
  bool is_chunked = false;
  bool has_length = false;
  uint64_t length = 0;
  bool is_until_close = false;
  size_t start_line_bytes = 0;  // without CRLF
  size_t head_bytes = 0;        // with every CRLF and the empty line, without a CRLF in front
  size_t longest_chunk_line = 0;
  size_t extension_bytes = 0;  // of all chunks, without the first ";" of each
  size_t trailer_bytes = 0;    // as head_bytes
  size_t size = 0;             // of the whole message

  // The values of a name in lower case.
  std::vector<std::string> values(std::string_view name) const;
  bool has(std::string_view name) const { return !values(name).empty(); }
};

enum class Outcome : uint8_t { complete, incomplete, refused };

struct Reading {
  Outcome outcome = Outcome::incomplete;
  Message message;        // complete; incomplete: what there is of it
  bool has_head = false;  // the head was complete and good, whatever follows
  std::string why;        // refused
};

// Who is asked. What a sender emits has one form only; a recipient may take a little more.
enum class Strictness : uint8_t {
  sent,      // HTTP/1.1 only, origin-form or "*", no chunk extensions, no leading zeros
  received,  // besides: one CRLF in front, HTTP/1.0, absolute-form, chunk extensions, zeros in front of a length
};

// The message in front of `bytes`. The target follows the grammar of what halfdoor forwards unchanged: 0x21-0x7E but
// "#", with whole escapes in the path.
Reading read_request(std::string_view bytes, Strictness strictness);

struct ResponseContext {
  bool answers_head = false;
  bool has_closed = false;  // no more bytes will come
};
// One message, be it interim or final; of a 101 the head alone.
Reading read_response(std::string_view bytes, ResponseContext context, Strictness strictness);

// 1*tchar.
bool is_token(std::string_view text);
// uri-host [ ":" port ], not empty.
bool is_host(std::string_view text);
std::string lower(std::string_view text);

}  // namespace halfdoor::reference
