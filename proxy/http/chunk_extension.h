// Checks the extensions of a chunk line byte by byte (RFC 9112 7.1.1), so that what is dropped was well-formed.
#pragma once

#include <cstdint>

namespace halfdoor {

//   chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
//
//   after_semicolon ──> name ──> after_name
//          ^              └─"="──┴──> after_equals ──> token ─────────┐
//          │                               └──> quoted <─> escaped    │
//          │                                      └──> end_of_quoted ─┴──> after_value
//          └───────────────── ";" from name, after_name, token, end_of_quoted, after_value
class ChunkExtension {
 public:
  // Behind the first ";".
  void start() { state_ = State::after_semicolon; }
  // False: the byte may not stand here. CR and LF never may.
  bool take(char c);
  // Whether the line may end here.
  bool may_end() const { return state_ == State::name || state_ == State::token || state_ == State::end_of_quoted; }

 private:
  enum class State : uint8_t {
    after_semicolon,
    name,
    after_name,
    after_equals,
    token,
    quoted,
    escaped,
    end_of_quoted,
    after_value,
  };

  State state_ = State::after_semicolon;
};

}  // namespace halfdoor
