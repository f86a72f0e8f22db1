// The client's half of HTTP/1 (towards a server): writes requests, reads responses. Owns no socket, clock or thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/slice_queue.h"
#include "http/body_reader.h"
#include "http/head.h"
#include "http/head_scanner.h"
#include "http/message_error.h"
#include "http/server_codec.h"

namespace halfdoor {

// Reads the responses to one request: interim ones (status 1xx, each an event `head`), then the final one. How many of
// the former may come is for the caller to bound: each adds its text to the arena.
class ResponseReader {
 public:
  explicit ResponseReader(const MessageLimits& limits);

  // `is_head`: the request's method is HEAD. `upgrade_asked`: a 101 would be legitimate.
  void start(Arena& arena, ResponseHead& head, bool is_head, bool upgrade_asked);
  // After `head` with an interim status, call again with the rest of the input: the next head overwrites `head`. After
  // a 101 comes `end`: what follows is no HTTP. What is left of `input` behind an `end` belongs to no response.
  ReadEvent read(std::string_view& input);
  // The server has closed: `end` if that ends the body, `error` if it cuts the message short.
  ReadEvent finish();

  std::string_view body() const { return body_.piece(); }
  // After `end`; see BodyReader.
  bool has_trailers() const { return body_.has_trailers(); }
  std::string take_trailers() { return body_.take_trailers(); }
  const MessageError& error() const { return error_; }
  // A byte of a response has been read since start().
  bool has_begun() const;

 private:
  ReadEvent read_head(std::string_view& input);
  ReadEvent fail(std::string_view what);

  const MessageLimits limits_;
  Arena* arena_ = nullptr;
  ResponseHead* head_ = nullptr;
  HeadScanner scanner_;
  BodyReader body_;
  MessageError error_;
  bool is_head_ = false;
  bool upgrade_asked_ = false;
  bool head_done_ = false;
  bool has_begun_ = false;
};

// Writes request line, Host and the other fields in origin-form with HTTP/1.1; adds Content-Length or Transfer-Encoding
// as head.framing says (they must not be among head.fields, and are skipped there). A length of 0 is said as the client
// did, but not for methods that have no body anyway. head.fields carries Host. Copies, as write_response_head() does.
void write_request_head(SliceQueue& out, const RequestHead& head);

}  // namespace halfdoor
