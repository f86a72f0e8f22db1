#include "exchange/graphql_tokens.h"

#include <algorithm>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlockQuote = "\"\"\"";

constexpr bool is_name_start(char c) {
  const char lower = ascii_lower(c);
  return c == '_' || (lower >= 'a' && lower <= 'z');
}
constexpr bool is_name_char(char c) { return is_name_start(c) || is_digit(c); }
constexpr bool is_hex_digit(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); }

// The bytes of the character in front, and the character itself; 0 bytes: it is ill-formed (RFC 3629).
struct Character {
  size_t bytes = 0;
  char32_t code = 0;
};
Character first_character(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0xffU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    code = code << 6U | (byte(i) & 0x3fU);
  }
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kLeast[bytes] || code > 0x10ffff || is_surrogate) return {};
  return {bytes, code};
}

}  // namespace

bool is_plain_graphql_text(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    const char32_t code = character.code;
    if (character.bytes == 0 || (code < 0x20 && code != '\t' && code != '\n' && code != '\r')) return false;
    if ((code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

void GraphqlTokens::skip_ignored() {
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
      rest_.remove_prefix(1);
    } else if (c == '#') {
      rest_.remove_prefix(std::min(rest_.find_first_of("\r\n"), rest_.size()));
    } else if (rest_.starts_with(kByteOrderMark)) {
      rest_.remove_prefix(kByteOrderMark.size());
    } else {
      return;
    }
  }
}

GraphqlToken GraphqlTokens::take(GraphqlToken::Kind kind, size_t bytes) {
  if (bytes == 0) return {GraphqlToken::Kind::bad, {}};
  const GraphqlToken token{kind, rest_.substr(0, bytes)};
  rest_.remove_prefix(bytes);
  return token;
}

GraphqlToken GraphqlTokens::next() {
  skip_ignored();
  if (rest_.empty()) return {};
  const char c = rest_.front();
  if (is_name_start(c)) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_name_char);
    return take(GraphqlToken::Kind::name, static_cast<size_t>(end - rest_.begin()));
  }
  if (c == '-' || is_digit(c)) return take(GraphqlToken::Kind::number, number_size());
  if (c == '"') {
    const bool is_block = rest_.starts_with(kBlockQuote);
    return take(GraphqlToken::Kind::text, is_block ? block_string_size() : string_size());
  }
  if (c == '.') return take(GraphqlToken::Kind::punctuator, rest_.starts_with("...") ? 3 : 0);
  const bool is_punctuator = std::string_view("!$&():=@[]{|}").find(c) != std::string_view::npos;
  return take(GraphqlToken::Kind::punctuator, is_punctuator ? 1 : 0);
}

size_t GraphqlTokens::number_size() const {
  size_t at = 0;
  const auto is_at = [&](std::string_view any) { return at < rest_.size() && any.find(rest_[at]) != any.npos; };
  const auto take_digits = [&] {
    const size_t before = at;
    while (at < rest_.size() && is_digit(rest_[at])) ++at;
    return at > before;
  };
  if (is_at("-")) ++at;
  const size_t first = at;
  if (!take_digits() || (rest_[first] == '0' && at > first + 1)) return 0;
  if (is_at(".")) {
    ++at;
    if (!take_digits()) return 0;
  }
  if (is_at("eE")) {
    ++at;
    if (is_at("+-")) ++at;
    if (!take_digits()) return 0;
  }
  // Some hosts would end it before, some not.
  return at < rest_.size() && (is_name_start(rest_[at]) || rest_[at] == '.') ? 0 : at;
}

size_t GraphqlTokens::string_size() const {
  for (size_t at = 1; at < rest_.size();) {
    switch (rest_[at]) {
      case '"': return at + 1;
      case '\n':
      case '\r': return 0;
      case '\\': {
        const std::string_view escape = rest_.substr(at + 1, 5);
        if (escape.empty()) return 0;
        if (escape.front() == 'u') {
          if (escape.size() < 5 || !std::all_of(escape.begin() + 1, escape.end(), is_hex_digit)) return 0;
          at += 6;
        } else {
          if (std::string_view("\"\\/bfnrt").find(escape.front()) == std::string_view::npos) return 0;
          at += 2;
        }
        break;
      }
      default: ++at;
    }
  }
  return 0;
}

size_t GraphqlTokens::block_string_size() const {
  size_t at = kBlockQuote.size();
  while (true) {
    at = rest_.find(kBlockQuote, at);
    if (at == std::string_view::npos) return 0;
    if (rest_[at - 1] != '\\') return at + kBlockQuote.size();
    at += kBlockQuote.size();
  }
}

}  // namespace halfdoor
