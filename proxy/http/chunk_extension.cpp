#include "http/chunk_extension.h"

#include "http/chars.h"

namespace halfdoor {

bool ChunkExtension::take(char c) {
  const bool is_blank = c == ' ' || c == '\t';
  const bool is_token = (char_class(c) & kTokenChar) != 0;
  switch (state_) {
    case State::after_semicolon:
      if (is_token) state_ = State::name;
      return is_token || is_blank;
    case State::after_equals:
      if (is_token) state_ = State::token;
      if (c == '"') state_ = State::quoted;
      return is_token || is_blank || c == '"';
    case State::quoted:
      if (c == '"') state_ = State::end_of_quoted;
      if (c == '\\') state_ = State::escaped;
      return (char_class(c) & kFieldValueChar) != 0;
    case State::escaped: state_ = State::quoted; return (char_class(c) & kFieldValueChar) != 0;
    case State::name:
    case State::after_name:
      if (c == '=') {
        state_ = State::after_equals;
        return true;
      }
      break;
    case State::token:
    case State::end_of_quoted:
    case State::after_value: break;
  }
  if (c == ';') {
    state_ = State::after_semicolon;
    return true;
  }
  if (is_blank) {
    state_ = state_ == State::name || state_ == State::after_name ? State::after_name : State::after_value;
    return true;
  }
  return is_token && (state_ == State::name || state_ == State::token);
}

}  // namespace halfdoor
