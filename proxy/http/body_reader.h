// Cuts the body of a message out of a stream of bytes (RFC 9112 6 and 7). Strict: one reading of every byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/slice_queue.h"
#include "http/chunk_extension.h"
#include "http/head.h"

namespace halfdoor {

// Belongs to one message at a time. Trailers are checked by the rules of fields and kept until they are taken or the
// next message starts. Looks at every byte once and keeps nothing else.
class BodyReader {
 public:
  enum class Outcome : uint8_t { need_more, piece, end, error };

  struct Limits {
    size_t chunk_line = 1 << 10;   // size and extensions, without CRLF
    size_t extensions = 16 << 10;  // of all chunks, without the first ";" of each
    size_t trailers = 32 << 10;    // with every CRLF and the empty line at the end
    size_t trailer_fields = 100;
  };

  // BodyFraming::none ends at once.
  void start(BodyFraming framing, uint64_t content_length, const Limits& limits);
  // Takes bytes off `input` up to the next piece or the end.
  Outcome read(std::string_view& input);
  // After `piece`: a view into the input of that call, not empty.
  std::string_view piece() const { return piece_; }
  // After `error`, which is final: a literal that says what is wrong.
  std::string_view what() const { return what_; }
  // The end of the stream is the end of the body.
  bool ends_with_stream() const { return framing_ == BodyFraming::until_close; }
  // After `end`: whether there are trailers that nobody has taken; their lines, "Name: value" CRLF each, in order.
  bool has_trailers() const { return state_ == State::done && !trailers_.empty(); }
  std::string take_trailers() { return std::exchange(trailers_, {}); }
  // The last byte of the body has been read.
  bool is_at_end() const { return state_ == State::done; }

 private:
  //   size ──> [extension] ──> size_lf ──> data ──> data_cr ──> data_lf ──> size
  //                               └─(0)─> trailer <──> trailer_lf ──(empty line)──> done
  // Bodies with a length, or up to the end of the stream, know only `data` and `done`.
  enum class State : uint8_t {
    size,       // digits of a chunk size
    extension,  // behind them, up to CR
    size_lf,    // the LF that ends a chunk line
    data,       // `left_` bytes of data
    data_cr,
    data_lf,
    trailer,  // field lines, up to the empty one
    trailer_lf,
    done,
    failed,
  };

  Outcome take_data(std::string_view& input);
  Outcome read_chunked(std::string_view& input);
  // The byte is part of framing, not of data. `need_more`: go on.
  Outcome take_framing_byte(char c);
  Outcome take_size_byte(char c);
  Outcome take_extension_byte(char c);
  Outcome end_chunk_line();
  Outcome take_trailer_byte(char c);
  Outcome end_trailer_line();
  Outcome fail(std::string_view what);

  BodyFraming framing_ = BodyFraming::none;
  State state_ = State::done;
  Limits limits_;
  uint64_t left_ = 0;   // of the chunk or of the whole body
  uint64_t total_ = 0;  // announced by all chunks so far
  size_t digits_ = 0;
  size_t line_bytes_ = 0;
  size_t extension_bytes_ = 0;
  ChunkExtension extension_;
  std::string trailers_;   // those that were read, then the line being read
  size_t line_start_ = 0;  // of the latter
  std::string_view piece_;
  std::string_view what_;
  size_t trailer_bytes_ = 0;
  size_t trailer_fields_ = 0;
};

// Chunked framing of what is in `from`: one chunk per call. Moves at most `most` bytes; nothing if `from` is empty.
size_t write_chunk(SliceQueue& out, SliceQueue& from, size_t most);
// `trailers` as BodyReader::take_trailers() gives them.
void write_last_chunk(SliceQueue& out, std::string_view trailers = {});

}  // namespace halfdoor
