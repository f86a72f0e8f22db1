// Drives the codecs from byte strings, cut into pieces in every way, and writes down what they say.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/slice_queue.h"
#include "http/client_codec.h"
#include "http/server_codec.h"

namespace halfdoor::test {

using Pieces = std::vector<std::string_view>;

// Everything that can be seen of a message, in words that compare. After an error nothing else counts.
struct Observation {
  std::string heads;  // each as describe() says it
  std::string body;
  std::string end;   // "end", "need more", "error 400: …"
  std::string rest;  // input that was left alone; empty after an error
  int status = 0;    // of the error

  bool operator==(const Observation&) const = default;
};

std::string describe(const RequestHead& head);
std::string describe(const ResponseHead& head);

struct ResponseSetting {
  bool is_head = false;
  bool upgrade_asked = false;
  bool closes = false;  // the server closes behind the last piece
};

// Each piece lies in memory of its own that ends with the call, so that a view kept too long is caught by ASan.
Observation observe_request(const Pieces& pieces, const MessageLimits& limits = {});
Observation observe_response(const Pieces& pieces, ResponseSetting setting = {}, const MessageLimits& limits = {});
Observation observe_body(const Pieces& pieces, BodyFraming framing, uint64_t length = 0,
                         const BodyReader::Limits& limits = {});

// Observes the bytes whole, cut in two at every byte, and byte by byte; all must be the same.
using Observe = std::function<Observation(const Pieces&)>;
Observation at_every_split(std::string_view bytes, const Observe& observe);
Observation request(std::string_view bytes);
Observation response(std::string_view bytes, ResponseSetting setting = {});
Observation chunked(std::string_view bytes);

std::string text_of(const SliceQueue& queue);
// With the bytes that are no printable ASCII as \xNN, for messages of failed tests.
std::string printable(std::string_view bytes);

}  // namespace halfdoor::test
