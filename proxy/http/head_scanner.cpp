#include "http/head_scanner.h"

#include "http/chars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace halfdoor {
namespace {

// The first control byte that is not a tab; `end` if there is none.
const char* find_control(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i highest_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i is_low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, highest_control), bytes);
    const __m128i is_control =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), is_low), _mm_cmpeq_epi8(bytes, del));
    const int mask = _mm_movemask_epi8(is_control);
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at != end && (char_class(*at) & kFieldValueChar) != 0) ++at;
  return at;
}

constexpr size_t kKeptCapacity = 4096;

}  // namespace

void HeadScanner::start(size_t start_line_limit, size_t head_limit, bool skips_empty_line) {
  start_line_limit_ = start_line_limit;
  head_limit_ = head_limit;
  skips_empty_line_ = skips_empty_line;
  forget_head();
  scanned_ = 0;
  line_bytes_ = 0;
  in_start_line_ = true;
  after_cr_ = false;
}

void HeadScanner::forget_head() {
  head_ = {};
  if (partial_.capacity() > kKeptCapacity) {
    std::string().swap(partial_);
  } else {
    partial_.clear();
  }
}

HeadScanner::Outcome HeadScanner::scan(std::string_view& input) {
  const char* start = input.data();
  const char* at = start;
  const char* const end = at + input.size();
  while (at != end) {
    if (!after_cr_) {
      const char* const control = find_control(at, end);
      const auto run = static_cast<size_t>(control - at);
      const Outcome outcome = take_text(run);
      if (outcome != Outcome::need_more) return outcome;
      at = control;
      if (at == end) break;
      if (*at != '\r') return *at == '\n' ? Outcome::bare_line_feed : Outcome::control_byte;
    } else if (*at != '\n') {
      return Outcome::bare_carriage_return;
    }
    if (scanned_ == head_limit_) return Outcome::head_too_large;
    ++scanned_;
    ++at;
    after_cr_ = !after_cr_;
    if (after_cr_) continue;
    if (line_bytes_ > 0) {
      line_bytes_ = 0;
      in_start_line_ = false;
    } else if (in_start_line_ && skips_empty_line_) {
      skips_empty_line_ = false;
      scanned_ = 0;
      partial_.clear();
      start = at;
    } else {
      finish_head({start, static_cast<size_t>(at - start)});
      input.remove_prefix(static_cast<size_t>(at - input.data()));
      return Outcome::complete;
    }
  }
  partial_.append(start, end);
  input.remove_prefix(input.size());
  return Outcome::need_more;
}

HeadScanner::Outcome HeadScanner::take_text(size_t bytes) {
  const size_t head_room = head_limit_ - scanned_;
  const size_t line_room = in_start_line_ ? start_line_limit_ - line_bytes_ : head_room;
  if (bytes > head_room || bytes > line_room) {
    return in_start_line_ && line_room <= head_room ? Outcome::start_line_too_long : Outcome::head_too_large;
  }
  line_bytes_ += bytes;
  scanned_ += bytes;
  return Outcome::need_more;
}

void HeadScanner::finish_head(std::string_view last_piece) {
  constexpr size_t kEmptyLine = 2;
  if (partial_.empty()) {
    head_ = last_piece.substr(0, last_piece.size() - kEmptyLine);
  } else {
    partial_.append(last_piece);
    head_ = std::string_view(partial_).substr(0, partial_.size() - kEmptyLine);
  }
}

}  // namespace halfdoor
