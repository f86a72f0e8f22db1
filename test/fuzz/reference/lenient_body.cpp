#include "fuzz/reference/lenient_body.h"

#include <algorithm>
#include <cstdlib>

#include "fuzz/reference/message.h"

namespace halfdoor::reference {

namespace {

// The value of `name=` behind a ";", with or without quotes.
std::string parameter_of(std::string_view value, std::string_view name) {
  const std::string folded = lower(value);
  for (size_t at = folded.find(name); at != std::string::npos; at = folded.find(name, at + 1)) {
    if (at > 0 && folded[at - 1] != ';' && folded[at - 1] != ' ' && folded[at - 1] != '\t') continue;
    std::string_view rest = value.substr(at + name.size());
    if (rest.empty() || rest[0] != '=') continue;
    rest.remove_prefix(1);
    if (!rest.empty() && rest[0] == '"') return std::string(rest.substr(1, rest.find('"', 1) - 1));
    return std::string(rest.substr(0, rest.find_first_of("; \t\r\n,")));
  }
  return {};
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0U | code >> 6U));
    out.push_back(static_cast<char>(0x80U | (code & 0x3fU)));
  } else {
    out.push_back(static_cast<char>(0xe0U | code >> 12U));
    out.push_back(static_cast<char>(0x80U | (code >> 6U & 0x3fU)));
    out.push_back(static_cast<char>(0x80U | (code & 0x3fU)));
  }
}

// Behind the opening quote; takes the closing one.
std::string take_json_string(std::string_view& rest) {
  std::string text;
  while (!rest.empty() && rest[0] != '"') {
    if (rest[0] != '\\' || rest.size() < 2) {
      text.push_back(rest[0]);
      rest.remove_prefix(1);
      continue;
    }
    const char escape = rest[1];
    rest.remove_prefix(2);
    const size_t known = std::string_view("bfnrt").find(escape);
    if (escape == 'u') {
      append_utf8(text, static_cast<unsigned>(std::strtoul(std::string(rest.substr(0, 4)).c_str(), nullptr, 16)));
      rest.remove_prefix(std::min<size_t>(4, rest.size()));
    } else {
      text.push_back(known == std::string_view::npos ? escape : std::string_view("\b\f\n\r\t")[known]);
    }
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return text;
}

void skip_blanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
}

}  // namespace

Parameters read_urlencoded(std::string_view body, unsigned decodings) {
  Parameters all = read_query(body, decodings, false);
  const Parameters more = read_query(body, decodings, true);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Parameters read_multipart(std::string_view content_type, std::string_view body) {
  const std::string boundary = parameter_of(content_type, "boundary");
  if (boundary.empty()) return {};
  Parameters parts;
  bool in_head = false;
  bool is_named = false;
  while (!body.empty()) {
    const size_t end = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("--" + boundary)) {
      in_head = true;
      is_named = false;
    } else if (in_head && line.empty()) {
      in_head = false;
    } else if (in_head) {
      if (!lower(line).starts_with("content-disposition")) continue;
      const std::string name = parameter_of(line, "name");
      is_named = !name.empty();
      if (is_named) parts.emplace_back(name, "");
    } else if (is_named) {
      std::string& value = parts.back().second;
      value += value.empty() ? std::string(line) : "\n" + std::string(line);
    }
  }
  // A name is mangled as in a query.
  for (auto& [name, value] : parts) {
    std::string escaped;
    for (const char c : name) escaped += c == '%' || c == '&' || c == '=' || c == '+' || c == ';' ? '?' : c;
    const Parameters read = read_query(escaped, 0, false);
    name = read.empty() ? name : read.front().first;
  }
  return parts;
}

Parameters read_json(std::string_view body) {
  Parameters members;
  while (!body.empty()) {
    const bool is_string = body[0] == '"';
    body.remove_prefix(1);
    if (!is_string) continue;
    const std::string name = take_json_string(body);
    std::string_view rest = body;
    skip_blanks(rest);
    if (rest.empty() || rest[0] != ':') continue;
    rest.remove_prefix(1);
    skip_blanks(rest);
    std::string value;
    if (!rest.empty() && rest[0] == '"') {
      rest.remove_prefix(1);
      value = take_json_string(rest);
    }
    members.emplace_back(name, value);
  }
  return members;
}

namespace {

// Bytes of the line end in front; 0: none.
size_t line_end_size(std::string_view text, const GraphqlHost& host) {
  if (text[0] == '\n' || text[0] == '\r') return 1;
  if (!host.ends_lines_at_unicode) return 0;
  if (text.starts_with("\xc2\x85")) return 2;
  return text.starts_with("\xe2\x80\xa8") || text.starts_with("\xe2\x80\xa9") ? 3 : 0;
}

// Behind a quote: past the end of the string.
void skip_graphql_string(std::string_view& rest, const GraphqlHost& host) {
  if (host.knows_block_strings && rest.starts_with("\"\"")) {
    rest.remove_prefix(2);
    while (!rest.empty() && !rest.starts_with("\"\"\"")) rest.remove_prefix(rest.starts_with("\\\"\"\"") ? 4 : 1);
    rest.remove_prefix(std::min<size_t>(3, rest.size()));
    return;
  }
  while (!rest.empty() && rest[0] != '"' && line_end_size(rest, host) == 0) {
    rest.remove_prefix(rest[0] == '\\' ? std::min<size_t>(2, rest.size()) : 1);
  }
  if (!rest.empty()) rest.remove_prefix(1);
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::vector<std::string> read_graphql_definitions(std::string_view document, const GraphqlHost& host) {
  if (host.ends_at_nul) document = document.substr(0, document.find('\0'));
  std::vector<std::string> definitions;
  int depth = 0;
  bool may_begin = true;
  while (!document.empty()) {
    const char c = document[0];
    if (is_name_char(c)) {
      const auto end = std::find_if_not(document.begin(), document.end(), is_name_char);
      const auto size = static_cast<size_t>(end - document.begin());
      if (depth == 0 && may_begin) definitions.emplace_back(document.substr(0, size));
      may_begin = false;
      document.remove_prefix(size);
      continue;
    }
    document.remove_prefix(1);
    if (c == '#') {
      while (!document.empty() && line_end_size(document, host) == 0) document.remove_prefix(1);
    } else if (c == '"') {
      skip_graphql_string(document, host);
    } else if (c == '{' || c == '(' || c == '[') {
      if (depth == 0 && may_begin && c == '{') definitions.emplace_back("query");
      may_begin = false;
      ++depth;
    } else if (c == '}' || c == ')' || c == ']') {
      if (depth > 0) --depth;
      may_begin = depth == 0 && c == '}';
    }
  }
  return definitions;
}

}  // namespace halfdoor::reference
