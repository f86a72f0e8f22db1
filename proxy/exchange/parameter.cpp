#include "exchange/parameter.h"

#include <algorithm>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_blank(char c) { return static_cast<unsigned char>(c) <= 0x20; }
bool reads_as_underscore(char c) { return c == '_' || c == '.' || c == ' ' || c == '['; }

// `name` is decoded.
bool reads_as(std::string_view name, std::string_view wanted) {
  while (!name.empty() && is_blank(name.front())) name.remove_prefix(1);
  name = name.substr(0, name.find('\0'));
  if (const size_t bracket = name.find('[', 1); bracket != std::string_view::npos) name = name.substr(0, bracket);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  if (name.size() != wanted.size()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (ascii_lower(name[i]) == ascii_lower(wanted[i])) continue;
    if (!reads_as_underscore(name[i]) || !reads_as_underscore(wanted[i])) return false;
  }
  return true;
}

}  // namespace

bool decode_escapes(std::string_view text, std::string& out) {
  out.clear();
  bool changed = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
      changed = true;
    }
    out.push_back(c);
  }
  return changed;
}

std::string decode_parameter(std::string_view text, int rounds) {
  std::string decoded(text);
  // Before any decoding: an escaped plus is a plus.
  std::replace(decoded.begin(), decoded.end(), '+', ' ');
  std::string next;
  for (int round = 0; round < rounds && decode_escapes(decoded, next); ++round) decoded.swap(next);
  return decoded;
}

bool may_be_read_as(std::string_view name, std::string_view wanted) {
  if (name.size() < wanted.size()) return false;
  if (name.find_first_of("%+") == std::string_view::npos) return reads_as(name, wanted);
  return reads_as(decode_parameter(name, kUntilStable), wanted);
}

}  // namespace halfdoor
