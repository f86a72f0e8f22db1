// Cuts the body of a message out of a stream of bytes (RFC 9112 6 and 7). Strict: one reading of every byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/head.h"

namespace halfdoor {

// Trailers are checked by the rules of fields and dropped.
class BodyReader {
 public:
  enum class Outcome : uint8_t { need_more, piece, end, error };

  struct Limits {
    size_t chunk_line = 1 << 10;
    size_t extensions = 16 << 10;
    size_t trailers = 32 << 10;
    size_t trailer_fields = 100;
  };

  // BodyFraming::none ends at once.
  void start(BodyFraming framing, uint64_t content_length, const Limits& limits);
  // Takes bytes off `input` up to the next piece or the end.
  Outcome read(std::string_view& input);
  // After `piece`: a view into the input of that call, not empty.
  std::string_view piece() const { return piece_; }
  // After `error`: a literal that says what is wrong.
  std::string_view what() const { return what_; }
  // The stream has ended: is the body complete?
  bool ends_with_stream() const { return framing_ == BodyFraming::until_close; }

 private:
  enum class State : uint8_t {
    size,            // digits of a chunk size
    extension,       // behind them, up to CR
    size_lf,         // the LF that ends a chunk line
    data,            // `left_` bytes of data
    data_cr,
    data_lf,
    trailer,         // field lines, up to the empty one
    done,
  };

  Outcome read_chunked(std::string_view& input);
  Outcome fail(std::string_view what);

  BodyFraming framing_ = BodyFraming::none;
  State state_ = State::done;
  Limits limits_;
  uint64_t left_ = 0;
  size_t digits_ = 0;
  size_t line_bytes_ = 0;
  size_t extension_bytes_ = 0;
  std::string line_;                      // the trailer line or extension being read
  std::string_view piece_;
  std::string_view what_;
  size_t trailer_bytes_ = 0;
  size_t trailer_fields_ = 0;
};

// Chunked framing of what is in `from`: one chunk per call. Moves at most `most` bytes; nothing if `from` is empty.
class SliceQueue;
size_t write_chunk(SliceQueue& out, SliceQueue& from, size_t most);
void write_last_chunk(SliceQueue& out);

}  // namespace halfdoor
