// The server's half of HTTP/1 (towards the client): reads requests, writes responses. Owns no socket, clock or thread.
//
//   start ──> head ──(no body)──> end          one call of read() per event; `error` is final
//               └──> body* ────────┘
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/slice_queue.h"
#include "http/body_reader.h"
#include "http/head.h"
#include "http/head_scanner.h"
#include "http/message_error.h"

namespace halfdoor {

// Sizes in bytes; robustness.md, "Limits and timeouts".
struct MessageLimits {
  size_t start_line = 8 << 10;
  size_t head = 32 << 10;
  size_t fields = 100;
  size_t chunk_line = 1 << 10;
  size_t chunk_extensions = 16 << 10;  // all of a message

  // Trailers as head.
  BodyReader::Limits of_body() const { return {chunk_line, chunk_extensions, head, fields}; }
};

enum class ReadEvent : uint8_t {
  need_more,  // the input is used up
  head,       // the head is complete and valid
  body,       // body() is a piece of the body
  end,        // the message is complete; input behind it has not been touched
  error,      // error() says what is wrong; nothing behind it may be read as a message
};

// Reads one request after the other (RFC 9112). The same bytes give the same events however they are split. Every error
// is final: it is answered with its status, and the connection is closed.
class RequestReader {
 public:
  explicit RequestReader(const MessageLimits& limits);

  // The next request goes to `head`, its text to `arena`; both must outlive the reading of the message.
  void start(Arena& arena, RequestHead& head);
  // Takes bytes off the front of `input` up to the next event.
  ReadEvent read(std::string_view& input);

  // After `body`: a view into the input of that call.
  std::string_view body() const { return body_.piece(); }
  // After `end`; see BodyReader.
  bool has_trailers() const { return body_.has_trailers(); }
  std::string take_trailers() { return body_.take_trailers(); }
  const MessageError& error() const { return error_; }
  // A byte of the head has been read since start() (an empty line before it does not count).
  bool has_begun() const;
  // Memory of a head that came in pieces and is not complete.
  size_t held_bytes() const { return scanner_.held_bytes(); }

 private:
  ReadEvent read_head(std::string_view& input);
  ReadEvent fail(MessageError error);

  const MessageLimits limits_;
  Arena* arena_ = nullptr;
  RequestHead* head_ = nullptr;
  HeadScanner scanner_;
  BodyReader body_;
  MessageError error_;
  bool head_done_ = false;
};

// How the body of a response is sent to a client of this version.
struct ResponseFraming {
  BodyFraming framing = BodyFraming::none;
  bool close = false;  // the end of the body is the end of the connection, or Connection: close is sent
};
// `wants_close`: we want to close the connection after this response. A response without framing (a local reply with
// nothing in it) is sent with Content-Length: 0.
ResponseFraming choose_response_framing(const RequestHead& request, const ResponseHead& response, bool wants_close);

// Writes status line and fields; adds Connection, Content-Length and Transfer-Encoding as `framing` says (they must not
// be among head.fields; the latter two are skipped there), the length of a body that HEAD and 304 do not carry where it
// is known, Date where it is missing and `date` is not empty, and a reason where it is empty. Copies: the arena of the
// head may be reset afterwards. Refuses nothing: what is in `head` has been checked.
void write_response_head(SliceQueue& out, const ResponseHead& head, const ResponseFraming& framing,
                         const RequestHead& request, std::string_view date);
// Status line and fields, nothing added. Not for HTTP/1.0 clients, which do not know interim responses.
void write_interim_head(SliceQueue& out, const ResponseHead& head);

}  // namespace halfdoor
