// Finds the end of a head in a stream of bytes and refuses what no head may contain, as early as it can be seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace halfdoor {

// Belongs to one message at a time. A head that arrives in one piece is not copied. Looks at every byte once; the
// outcome does not depend on how the bytes are split.
class HeadScanner {
 public:
  enum class Outcome : uint8_t {
    need_more,
    complete,
    bare_line_feed,
    bare_carriage_return,
    control_byte,  // any but tab
    start_line_too_long,
    head_too_large,
  };

  // Limits in bytes: of the first line without its CRLF; of the head with every CRLF and the empty line at its end.
  // `skips_empty_line`: one CRLF in front is ignored (RFC 9112 2.2).
  void start(size_t start_line_limit, size_t head_limit, bool skips_empty_line);
  // Takes bytes off `input`. On `complete`, head() is the whole head without the empty line, lines ended by CRLF.
  Outcome scan(std::string_view& input);
  // Valid until the next scan() or start(), and only as long as the input of the last scan(). Empty: the message began
  // with an empty line.
  std::string_view head() const { return head_; }
  // A byte of the head has been seen; the CRLF that is ignored does not count.
  // The head has been taken over: a buffer that one slow and large head has grown is not kept for an idle connection.
  void forget_head();
  size_t held_bytes() const { return partial_.capacity(); }
  bool has_begun() const { return scanned_ > 0 && !(skips_empty_line_ && line_bytes_ == 0 && in_start_line_); }

 private:
  Outcome take_text(size_t bytes);
  void finish_head(std::string_view last_piece);

  std::string_view head_;
  std::string partial_;  // what came in earlier pieces
  size_t start_line_limit_ = 0;
  size_t head_limit_ = 0;
  size_t scanned_ = 0;     // bytes of the head seen, over all pieces
  size_t line_bytes_ = 0;  // of the present line
  bool in_start_line_ = true;
  bool after_cr_ = false;
  bool skips_empty_line_ = false;
};

}  // namespace halfdoor
