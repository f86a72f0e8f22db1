// Small text helpers that HTTP, the configuration and the command line share. ASCII only, no locale.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halfdoor {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}
std::string to_lower(std::string_view text);

// Without blanks and tabs at both ends (RFC 9110 5.6.3, OWS).
std::string_view trim(std::string_view text);
// Splits at every separator; empty pieces stay.
std::vector<std::string_view> split(std::string_view text, char separator);

// Digits only, nothing else; null when out of range or empty.
std::optional<uint64_t> parse_unsigned(std::string_view text);

using Milliseconds = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// "500ms", "3s", "10m", "2h", "1d"; a whole number and a unit, no blanks. Null if it is anything else or over 365 d.
std::optional<Milliseconds> parse_duration(std::string_view text);
std::string format_duration(Milliseconds duration);
// "100", "64KiB", "16MiB", "1GiB".
std::optional<uint64_t> parse_size(std::string_view text);
std::string format_size(uint64_t bytes);

// "2026-11-22T16:38:44Z" (RFC 3339, UTC), with milliseconds when asked.
std::string format_rfc3339(WallTime time);
std::string format_rfc3339_ms(WallTime time);
// With offset or Z; fractions of a second are accepted. Years from 1678 to 2261: what WallTime can hold.
std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace halfdoor
