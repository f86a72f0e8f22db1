#include "worker/access_text.h"

#include <algorithm>
#include <array>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace halfdoor {

namespace {

constexpr char kHex[] = "0123456789abcdef";
// Of one escape, or of one character of UTF-8; and the mark of text that was cut.
constexpr size_t kLongestPiece = 6;
constexpr std::string_view kCutMark = "...";

// Printable ASCII without quote and backslash: what stands for itself in both formats.
constexpr bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = is_plain(static_cast<unsigned char>(c));
  return table;
}();

struct Character {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: not UTF-8
};

// The character of more than one byte in front (RFC 3629): shortest form, no surrogates, at most U+10FFFF.
Character read_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t bytes = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
  if (bytes == 0 || first >= 0xf8 || bytes > text.size()) return {};
  uint32_t code = first & (0x7fU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  if (code < kLeast[bytes] || code > 0x10ffff || is_surrogate) return {};
  return {code, bytes};
}

char* put_unicode_escape(char* at, uint32_t code) {
  at = put_literal(at, "\\u");
  for (int shift = 12; shift >= 0; shift -= 4) *at++ = kHex[code >> shift & 15];
  return at;
}

// One character that is not plain; returns how many bytes of `text` it was.
size_t put_json_special(char*& at, std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  if (c == '"' || c == '\\') {
    *at++ = '\\';
    *at++ = static_cast<char>(c);
    return 1;
  }
  const Character character = c < 0x80 ? Character{} : read_utf8(text);
  // Control characters and line ends of Unicode could fool a terminal or a reader of lines.
  const bool is_control = character.code < 0xa0 || character.code == 0x2028 || character.code == 0x2029;
  if (character.bytes == 0 || is_control) {
    at = put_unicode_escape(at, character.bytes == 0 ? c : character.code);
    return character.bytes == 0 ? 1 : character.bytes;
  }
  std::memcpy(at, text.data(), character.bytes);
  at += character.bytes;
  return character.bytes;
}

size_t put_combined_special(char*& at, std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  *at++ = '\\';
  if (c == '"' || c == '\\') {
    *at++ = static_cast<char>(c);
    return 1;
  }
  *at++ = 'x';
  *at++ = kHex[c >> 4];
  *at++ = kHex[c & 15];
  return 1;
}

#if defined(__SSE2__)
// A bit for each of 16 bytes that does not stand for itself.
unsigned special_bits(__m128i bytes) {
  // As signed numbers, bytes from 0x80 on are below the space, too.
  const __m128i is_outside =
      _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
  const __m128i is_quote =
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(is_outside, is_quote)));
}
#endif

// How many bytes in front stand for themselves.
size_t count_plain(std::string_view text) {
  size_t count = 0;
#if defined(__SSE2__)
  const auto load = [&](size_t at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at)); };
  const size_t whole = text.size() & ~size_t{15};
  for (; count < whole; count += 16) {
    if (const unsigned bits = special_bits(load(count))) return count + static_cast<size_t>(__builtin_ctz(bits));
  }
  if (whole == 0 && text.size() >= 8) {
    // The first and the last 8, which may overlap.
    const auto half = [&](size_t at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(text.data() + at)); };
    if (special_bits(_mm_unpacklo_epi64(half(0), half(text.size() - 8))) == 0) return text.size();
  } else if (whole > 0 && count < text.size()) {
    // The last 16: those of them that were looked at already are plain.
    const unsigned bits = special_bits(load(text.size() - 16));
    return bits == 0 ? text.size() : text.size() - 16 + static_cast<size_t>(__builtin_ctz(bits));
  }
#endif
  while (count < text.size() && kPlain[static_cast<unsigned char>(text[count])]) ++count;
  return count;
}

template <class PutSpecial>
char* put_text(char* at, std::string_view text, size_t most, PutSpecial put_special) {
  // Up to here something may begin: behind it there is room for a piece and the mark.
  const char* const room_end = at + most - kCutMark.size() - kLongestPiece;
  while (!text.empty()) {
    const size_t plain = count_plain(text);
    const size_t room = at > room_end ? 0 : static_cast<size_t>(room_end - at);
    if (plain > room || at > room_end) {
      std::memcpy(at, text.data(), room);
      at += room;
      std::memcpy(at, kCutMark.data(), kCutMark.size());
      return at + kCutMark.size();
    }
    std::memcpy(at, text.data(), plain);
    at += plain;
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(put_special(at, text));
  }
  return at;
}

}  // namespace

char* put_long_number(char* at, uint64_t number) {
  if (number < 1000) {
    const auto small = static_cast<uint32_t>(number);
    if (small >= 100) *at++ = static_cast<char>('0' + small / 100);
    if (small >= 10) *at++ = static_cast<char>('0' + small / 10 % 10);
    *at++ = static_cast<char>('0' + small % 10);
    return at;
  }
  char digits[20];
  char* const end = digits + sizeof(digits);
  char* first = end;
  do {
    *--first = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  std::memcpy(at, first, static_cast<size_t>(end - first));
  return at + (end - first);
}

char* put_three_digits(char* at, int number) {
  at[0] = static_cast<char>('0' + number / 100 % 10);
  at[1] = static_cast<char>('0' + number / 10 % 10);
  at[2] = static_cast<char>('0' + number % 10);
  return at + 3;
}

char* put_json_text(char* at, std::string_view text, size_t most) { return put_text(at, text, most, put_json_special); }
char* put_combined_text(char* at, std::string_view text, size_t most) {
  return put_text(at, text, most, put_combined_special);
}

}  // namespace halfdoor
