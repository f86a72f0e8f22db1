// A request head for tests, read from bytes by the codec itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/server_codec.h"

namespace halfdoor {

// Lines end with "\n" for legibility; the empty line is added.
class ParsedRequest {
 public:
  explicit ParsedRequest(std::string_view lines) {
    for (char c : lines) {
      if (c == '\n') bytes_.push_back('\r');
      bytes_.push_back(c);
    }
    if (!lines.ends_with('\n')) bytes_ += "\r\n";
    bytes_ += "\r\n";
    RequestReader reader{MessageLimits{}};
    reader.start(arena_, head_);
    std::string_view input = bytes_;
    is_valid_ = reader.read(input) == ReadEvent::head;
    if (!is_valid_) what_ = reader.error().what;
  }
  ParsedRequest(const ParsedRequest&) = delete;
  ParsedRequest& operator=(const ParsedRequest&) = delete;

  bool is_valid() const { return is_valid_; }
  std::string_view what() const { return what_; }
  const RequestHead& head() const { return head_; }
  RequestHead& head() { return head_; }
  Arena& arena() { return arena_; }

 private:
  std::string bytes_;
  Arena arena_;
  RequestHead head_;
  bool is_valid_ = false;
  std::string_view what_;
};

// "GET /x HTTP/1.1" with a Host and further lines.
inline std::unique_ptr<ParsedRequest> parse_request(std::string_view method_and_target, std::string_view fields = {}) {
  std::string lines(method_and_target);
  lines += " HTTP/1.1\nHost: www.salon.example\n";
  lines += fields;
  return std::make_unique<ParsedRequest>(lines);
}

}  // namespace halfdoor
