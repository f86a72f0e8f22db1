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

}  // namespace halfdoor::reference
