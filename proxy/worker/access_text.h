// The bytes that lines of the access log are made of: literals, numbers, escaped text. Nothing here allocates or fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace halfdoor {

// All write to `at` and return the end of what they wrote.

template <size_t kBytes>
char* put_literal(char* at, const char (&literal)[kBytes]) {
  std::memcpy(at, literal, kBytes - 1);
  return at + (kBytes - 1);
}
// As memcpy, but quicker for the few bytes that most texts have: two copies of a fixed size that overlap.
inline char* put_bytes(char* at, const char* from, size_t bytes) {
  const auto both_ends = [&](auto piece) {
    std::memcpy(&piece, from, sizeof(piece));
    std::memcpy(at, &piece, sizeof(piece));
    std::memcpy(&piece, from + bytes - sizeof(piece), sizeof(piece));
    std::memcpy(at + bytes - sizeof(piece), &piece, sizeof(piece));
  };
  if (bytes > 16) {
    std::memcpy(at, from, bytes);
  } else if (bytes >= 8) {
    both_ends(uint64_t{});
  } else if (bytes >= 4) {
    both_ends(uint32_t{});
  } else {
    for (size_t i = 0; i < bytes; ++i) at[i] = from[i];
  }
  return at + bytes;
}
// In decimal, at most 20 bytes.
char* put_long_number(char* at, uint64_t number);
inline char* put_number(char* at, uint64_t number) {
  // Most are counts of one digit.
  if (number >= 10) return put_long_number(at, number);
  *at++ = static_cast<char>('0' + number);
  return at;
}
// 0 to 999.
char* put_three_digits(char* at, int number);

// What stands between the quotes of a JSON string, and between those of the combined format. Never more than `most`
// bytes (at least 32) after escaping: text that comes near it is cut between two characters and ends with "...".
char* put_json_text(char* at, std::string_view text, size_t most);
char* put_combined_text(char* at, std::string_view text, size_t most);

}  // namespace halfdoor
