#include "http/body_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "http/chars.h"
#include "http/field_rules.h"

namespace halfdoor {
namespace {

constexpr size_t kMostDigits = 16;
constexpr auto kMostBytes = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
// A buffer that one large trailer has grown is not kept for an idle connection.
constexpr size_t kKeptCapacity = 4096;

}  // namespace

void BodyReader::start(BodyFraming framing, uint64_t content_length, const Limits& limits) {
  framing_ = framing;
  limits_ = limits;
  left_ = framing == BodyFraming::length ? content_length : 0;
  total_ = 0;
  digits_ = 0;
  line_bytes_ = 0;
  extension_bytes_ = 0;
  if (trailers_.capacity() > kKeptCapacity) std::string().swap(trailers_);
  trailers_.clear();
  line_start_ = 0;
  piece_ = {};
  what_ = {};
  trailer_bytes_ = 0;
  trailer_fields_ = 0;
  switch (framing) {
    case BodyFraming::none: state_ = State::done; break;
    case BodyFraming::length: state_ = left_ == 0 ? State::done : State::data; break;
    case BodyFraming::chunked: state_ = State::size; break;
    case BodyFraming::until_close: state_ = State::data; break;
  }
}

BodyReader::Outcome BodyReader::read(std::string_view& input) {
  if (state_ == State::done) return Outcome::end;
  if (state_ == State::failed) return Outcome::error;
  if (input.empty()) return Outcome::need_more;
  switch (framing_) {
    case BodyFraming::chunked: return read_chunked(input);
    case BodyFraming::until_close:
      piece_ = input;
      input = {};
      return Outcome::piece;
    case BodyFraming::length:
    case BodyFraming::none: break;
  }
  const Outcome outcome = take_data(input);
  if (left_ == 0) state_ = State::done;
  return outcome;
}

BodyReader::Outcome BodyReader::take_data(std::string_view& input) {
  piece_ = input.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, input.size())));
  input.remove_prefix(piece_.size());
  left_ -= piece_.size();
  return Outcome::piece;
}

BodyReader::Outcome BodyReader::read_chunked(std::string_view& input) {
  while (!input.empty()) {
    if (state_ == State::data) {
      const Outcome outcome = take_data(input);
      if (left_ == 0) state_ = State::data_cr;
      return outcome;
    }
    const Outcome outcome = take_framing_byte(input.front());
    if (outcome == Outcome::error) return outcome;
    input.remove_prefix(1);
    if (outcome == Outcome::end) return outcome;
  }
  return Outcome::need_more;
}

BodyReader::Outcome BodyReader::take_framing_byte(char c) {
  switch (state_) {
    case State::size: return take_size_byte(c);
    case State::extension: return take_extension_byte(c);
    case State::size_lf: return c == '\n' ? end_chunk_line() : fail("bare CR in a chunk line");
    case State::data_cr:
      if (c != '\r') return fail("chunk data not followed by CRLF");
      state_ = State::data_lf;
      return Outcome::need_more;
    case State::data_lf:
      if (c != '\n') return fail("chunk data not followed by CRLF");
      state_ = State::size;
      return Outcome::need_more;
    case State::trailer: return take_trailer_byte(c);
    case State::trailer_lf:
      if (++trailer_bytes_ > limits_.trailers) return fail("trailers too large");
      return c == '\n' ? end_trailer_line() : fail("bare CR in a trailer");
    case State::data:
    case State::done:
    case State::failed: break;
  }
  return Outcome::need_more;
}

BodyReader::Outcome BodyReader::take_size_byte(char c) {
  const int value = hex_value(c);
  if (value < 0) {
    if (digits_ == 0) return fail("chunk size without digits");
    if (c == '\r') {
      state_ = State::size_lf;
      return Outcome::need_more;
    }
    if (c != ';') return fail("bad byte in a chunk size");
    extension_.start();
    state_ = State::extension;
  } else {
    if (++digits_ > kMostDigits) return fail("chunk size with too many digits");
    left_ = left_ << 4U | static_cast<uint64_t>(value);
  }
  return ++line_bytes_ > limits_.chunk_line ? fail("chunk line too long") : Outcome::need_more;
}

BodyReader::Outcome BodyReader::take_extension_byte(char c) {
  if (c == '\r') {
    if (!extension_.may_end()) return fail("bad chunk extension");
    state_ = State::size_lf;
    return Outcome::need_more;
  }
  if (!extension_.take(c)) return fail("bad chunk extension");
  if (++line_bytes_ > limits_.chunk_line) return fail("chunk line too long");
  return ++extension_bytes_ > limits_.extensions ? fail("chunk extensions too large") : Outcome::need_more;
}

BodyReader::Outcome BodyReader::end_chunk_line() {
  digits_ = 0;
  line_bytes_ = 0;
  if (left_ == 0) {
    state_ = State::trailer;
    return Outcome::need_more;
  }
  if (left_ > kMostBytes - total_) return fail("chunks too large");
  total_ += left_;
  state_ = State::data;
  return Outcome::need_more;
}

BodyReader::Outcome BodyReader::take_trailer_byte(char c) {
  if (++trailer_bytes_ > limits_.trailers) return fail("trailers too large");
  if (c == '\r') {
    state_ = State::trailer_lf;
    return Outcome::need_more;
  }
  if ((char_class(c) & kFieldValueChar) == 0) return fail("control byte in a trailer");
  trailers_.push_back(c);
  return Outcome::need_more;
}

BodyReader::Outcome BodyReader::end_trailer_line() {
  if (trailers_.size() == line_start_) {
    state_ = State::done;
    return Outcome::end;
  }
  Field field;
  const std::string_view what = parse_field_line(std::string_view(trailers_).substr(line_start_), field);
  if (!what.empty()) return fail(what);
  if (is_forbidden_in_trailers(field)) return fail("field that may not be in trailers");
  if (++trailer_fields_ > limits_.trailer_fields) return fail("too many trailers");
  const std::string line = std::string(field.name).append(": ").append(field.value).append("\r\n");
  trailers_.replace(line_start_, std::string::npos, line);
  line_start_ = trailers_.size();
  state_ = State::trailer;
  return Outcome::need_more;
}

BodyReader::Outcome BodyReader::fail(std::string_view what) {
  what_ = what;
  state_ = State::failed;
  return Outcome::error;
}

size_t write_chunk(SliceQueue& out, SliceQueue& from, size_t most) {
  const size_t bytes = std::min(from.size(), most);
  if (bytes == 0) return 0;
  char line[kMostDigits + 2];
  char* end = std::to_chars(line, line + kMostDigits, bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append({line, static_cast<size_t>(end - line)});
  out.move_from(from, bytes);
  out.append("\r\n");
  return bytes;
}

void write_last_chunk(SliceQueue& out, std::string_view trailers) {
  out.append("0\r\n");
  out.append(trailers);
  out.append("\r\n");
}

}  // namespace halfdoor
