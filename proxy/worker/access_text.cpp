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
constexpr size_t kMostBehind = kLongestPiece + kCutMark.size();

// Printable ASCII without quote and backslash: what stands for itself in both formats.
constexpr bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) table[c] = is_plain(static_cast<unsigned char>(c));
  return table;
}();

// "00" to "99".
constexpr std::array<char, 200> kPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
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

// `plain` bytes in front stand for themselves.
template <class PutSpecial>
char* put_text(char* at, std::string_view text, size_t plain, size_t most, PutSpecial put_special) {
  // Up to here something may begin: behind it there is room for a piece and the mark.
  const char* const room_end = at + most - kMostBehind;
  while (true) {
    const size_t room = at > room_end ? 0 : static_cast<size_t>(room_end - at);
    if (plain > room || at > room_end) {
      at = put_bytes(at, text.data(), room);
      return put_bytes(at, kCutMark.data(), kCutMark.size());
    }
    at = put_bytes(at, text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) return at;
    text.remove_prefix(put_special(at, text));
    if (text.empty()) return at;
    plain = count_plain(text);
  }
}

}  // namespace

char* put_long_number(char* at, uint64_t number) {
  if (number < 100) return put_bytes(at, &kPairs[2 * number], 2);
  if (number < 1000) {
    *at++ = static_cast<char>('0' + number / 100);
    return put_bytes(at, &kPairs[2 * (number % 100)], 2);
  }
  at = put_number(at, number / 1000);
  return put_three_digits(at, static_cast<int>(number % 1000));
}

char* put_three_digits(char* at, int number) {
  *at++ = static_cast<char>('0' + number / 100);
  return put_bytes(at, &kPairs[2 * (number % 100)], 2);
}

char* put_json_text(char* at, std::string_view text, size_t most) {
  const size_t plain = count_plain(text);
  if (plain == text.size() && plain <= most - kMostBehind) return put_bytes(at, text.data(), plain);
  return put_text(at, text, plain, most, put_json_special);
}

char* put_combined_text(char* at, std::string_view text, size_t most) {
  const size_t plain = count_plain(text);
  if (plain == text.size() && plain <= most - kMostBehind) return put_bytes(at, text.data(), plain);
  return put_text(at, text, plain, most, put_combined_special);
}

}  // namespace halfdoor
