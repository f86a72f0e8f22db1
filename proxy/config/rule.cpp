#include "config/rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace halfdoor {

namespace {

// RFC 9110 5.6.2, apart from "*": it would read as "every method", which rules do not know.
bool is_method_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_control_or_blank(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

Error wrong(std::string_view rule, std::string_view what) { return Error{fmt::format("\"{}\": {}", rule, what)}; }

constexpr std::array<std::string_view, 10> kUsualMethods{"GET",   "HEAD",   "OPTIONS", "POST",  "PUT",
                                                         "PATCH", "DELETE", "MKCOL",   "QUERY", "PURGE"};

Status check_method(std::string_view rule, std::string_view method) {
  if (method == "*") return wrong(rule, "name one method; for several write one rule each");
  if (method.empty() || !std::all_of(method.begin(), method.end(), is_method_char)) {
    return wrong(rule, "must begin with a method, as in \"POST /login\"");
  }
  for (std::string_view usual : kUsualMethods) {
    if (method != usual && iequals(method, usual)) {
      return wrong(rule, fmt::format("methods are case-sensitive, write \"{}\"", usual));
    }
  }
  return {};
}

Status check_path_bytes(std::string_view rule, std::string_view path) {
  for (char c : path) {
    if (is_control_or_blank(c)) {
      return wrong(rule, "a path has no blanks or control characters; write * in place of such a segment");
    }
    if (c == '%') return wrong(rule, "write the path decoded, without % escapes, or * in place of such a segment");
    if (c == ';') return wrong(rule, "leave out the ; and what follows in that segment: rules are matched without it");
    if (c == '\\') return wrong(rule, "write / in place of \\");
    if (std::string_view("#\"<>[]^`{|}").find(c) != std::string_view::npos) {
      return wrong(rule, fmt::format("{} has no place in a path; write * in place of such a segment", c));
    }
  }
  return {};
}

// The segments of a path that begins with "/".
Status read_path(std::string_view path, Rule& rule) {
  if (path.empty() || path.front() != '/') return wrong(rule.text, "the path must begin with /, as in \"POST /login\"");
  if (Status bytes = check_path_bytes(rule.text, path); !bytes) return bytes;
  rule.trailing_slash = path.back() == '/';
  if (path == "/") return {};
  if (rule.trailing_slash) path.remove_suffix(1);
  const std::vector<std::string_view> segments = split(path.substr(1), '/');
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    if (segment.empty()) return wrong(rule.text, "write one / in place of //");
    if (segment == "." || segment == "..") return wrong(rule.text, "write the path without . and .. segments");
    const bool is_rest = segment == "**";
    if (is_rest && (i + 1 < segments.size() || rule.trailing_slash)) {
      return wrong(rule.text, "** stands for the rest of the path and must be its end");
    }
    if (!is_rest && segment != "*" && segment.find('*') != std::string_view::npos) {
      return wrong(rule.text, "* stands for one whole segment, as in /bookings/*/cancel, and ** for the rest");
    }
    rule.segments.emplace_back(segment);
  }
  return {};
}

Status read_parameter(std::string_view query, Rule& rule) {
  const size_t equals = query.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return wrong(rule.text, "write one parameter behind the ?, as in \"GET /index.php?action=delete\"");
  }
  if (query.find('&') != std::string_view::npos) {
    return wrong(rule.text, "a rule asks for one parameter; leave out the & and what follows");
  }
  for (char c : query) {
    if (is_control_or_blank(c) || c == '%' || c == '+' || c == '#') {
      return wrong(rule.text, "write the parameter decoded, without %, +, # or blanks");
    }
  }
  rule.parameter = Rule::Parameter{std::string(query.substr(0, equals)), std::string(query.substr(equals + 1))};
  return {};
}

}  // namespace

Result<Rule> Rule::parse(std::string_view text) {
  Rule rule;
  rule.text = text;
  const size_t blank = text.find(' ');
  if (blank == std::string_view::npos || blank + 1 >= text.size() || text[blank + 1] == ' ') {
    return wrong(text, "write a method, one blank and a path, as in \"POST /login\"");
  }
  rule.method = text.substr(0, blank);
  const std::string_view target = text.substr(blank + 1);
  const size_t question = target.find('?');
  if (Status method = check_method(text, rule.method); !method) return method.error();
  if (Status path = read_path(target.substr(0, question), rule); !path) return path.error();
  if (question != std::string_view::npos) {
    if (Status query = read_parameter(target.substr(question + 1), rule); !query) return query.error();
  }
  return rule;
}

}  // namespace halfdoor
