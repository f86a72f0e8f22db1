// Finds the end of a head in a stream of bytes and refuses what no head may contain, as early as it can be seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace halfdoor {

// Belongs to one message at a time. A head that arrives in one piece is not copied.
class HeadScanner {
 public:
  enum class Outcome : uint8_t {
    need_more,
    complete,
    bare_line_feed,
    bare_carriage_return,
    control_byte,
    start_line_too_long,
    head_too_large,
  };

  void start(size_t start_line_limit, size_t head_limit, bool skips_empty_line);
  // Takes bytes off `input`. On `complete`, head() is the whole head without the empty line, lines ended by CRLF.
  Outcome scan(std::string_view& input);
  // Valid until the next scan() or start(), and only as long as the input of the last scan().
  std::string_view head() const { return head_; }
  bool has_begun() const { return scanned_ > 0; }

 private:
  std::string_view head_;
  std::string partial_;                   // what came in earlier pieces
  size_t start_line_limit_ = 0;
  size_t head_limit_ = 0;
  size_t scanned_ = 0;                    // bytes of the head seen, over all pieces
  size_t line_bytes_ = 0;                 // of the present line
  bool in_start_line_ = true;
  bool after_cr_ = false;
  bool skips_empty_line_ = false;
};

}  // namespace halfdoor
