// Drives the codecs over a connection's bytes, cut in any way, and keeps everything that they said.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "fuzz/fuzz_target.h"
#include "fuzz/reference/message.h"
#include "http/client_codec.h"
#include "http/server_codec.h"

namespace halfdoor::fuzz {

template <class Head>
struct ReadMessage {
  Arena arena;
  Head head;
  bool has_head = false;
  bool is_complete = false;
  std::string body;
  std::string trailers;  // lines, each ended by CRLF
  size_t at = 0;         // where it begins
  size_t bytes = 0;      // complete only
};
using ReadRequest = ReadMessage<RequestHead>;
using ReadResponse = ReadMessage<ResponseHead>;

struct Requests {
  std::vector<std::unique_ptr<ReadRequest>> messages;  // the last may be incomplete
  MessageError error;                                  // status 0: none
};
// One request after the other, until the bytes end or an error.
Requests read_requests(const Pieces& pieces, const MessageLimits& limits);

struct ResponseSetting {
  bool is_head = false;
  bool upgrade_asked = false;
  bool closes = false;  // the server closes behind the last piece
};
struct Responses {
  std::vector<std::unique_ptr<ReadResponse>> messages;  // interim ones, then the final one
  MessageError error;
};
// The responses to one request.
Responses read_responses(const Pieces& pieces, ResponseSetting setting, const MessageLimits& limits);

// Everything that was said, in words that compare.
std::string describe(const RequestHead& head);
std::string describe(const ResponseHead& head);
std::string describe(const Requests& requests);
std::string describe(const Responses& responses);

// Lines, each ended by CRLF, as the readers give trailers.
std::vector<reference::Field> fields_in(std::string_view lines);
// As names in lower case and values.
std::vector<reference::Field> fields_of(const FieldList& fields);
std::string describe(const std::vector<reference::Field>& fields);
std::string text_of(SliceQueue& queue);

// Small ones and the defaults, by a byte of the input.
MessageLimits choose_limits(Input& input);
// A multiple of what the limits allow: what reading with them may take.
size_t memory_bound(const MessageLimits& limits);

}  // namespace halfdoor::fuzz
