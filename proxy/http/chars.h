// Classes of bytes that the grammar of RFC 9110 and 9112 distinguishes, one table look-up each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace halfdoor {

enum CharClass : uint8_t {
  kTokenChar = 1,       // tchar (RFC 9110 5.6.2)
  kPlainNameChar = 2,   // letters, digits and "-": what field names are made of in honest messages
  kFieldValueChar = 4,  // no control byte but tab; 0x80-0xFF included (RFC 9110 5.5)
  kTargetChar = 8,      // 0x21-0x7E without "#"
  kHostChar = 16,       // letters, digits, "-", ".", "_", "~": unreserved (RFC 3986 2.3)
  kPathChar = 32,       // pchar without escapes and ";" (RFC 3986 3.3)
};

namespace internal {

constexpr bool contains(std::string_view set, unsigned byte) {
  for (const char c : set) {
    if (static_cast<unsigned char>(c) == byte) return true;
  }
  return false;
}

constexpr std::array<uint8_t, 256> make_char_classes() {
  std::array<uint8_t, 256> classes{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool is_alnum = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    unsigned bits = 0;
    if (is_alnum || contains("!#$%&'*+-.^_`|~", byte)) bits |= kTokenChar;
    if (is_alnum || byte == '-') bits |= kPlainNameChar;
    if (byte == '\t' || (byte >= 0x20 && byte != 0x7f)) bits |= kFieldValueChar;
    if (byte >= 0x21 && byte <= 0x7e && byte != '#') bits |= kTargetChar;
    if (is_alnum || contains("-._~", byte)) bits |= kHostChar;
    if (is_alnum || contains("-._~!$&'()*+,=:@", byte)) bits |= kPathChar;
    classes[byte] = static_cast<uint8_t>(bits);
  }
  return classes;
}

}  // namespace internal

inline constexpr std::array<uint8_t, 256> kCharClasses = internal::make_char_classes();

constexpr uint8_t char_class(char c) { return kCharClasses[static_cast<unsigned char>(c)]; }

// The classes that every byte of `text` is in; all of them for empty text.
constexpr uint8_t common_class(std::string_view text) {
  uint8_t common = 0xff;
  for (const char c : text) common &= char_class(c);
  return common;
}

// -1 if it is no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace halfdoor
