#include "fuzz/reference/host_path.h"

#include <algorithm>

#include "fuzz/reference/message.h"

namespace halfdoor::reference {

namespace {

int hex(char c) {
  const size_t digit = std::string_view("0123456789abcdef").find(lower({&c, 1}));
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

// Two, three and four bytes for a character below 0x80.
std::string fold_overlong(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return i + at < text.size() ? static_cast<unsigned char>(text[i + at]) : 0U; };
    const auto continuation = [&](size_t at) { return (byte(at) & 0xc0U) == 0x80U; };
    unsigned value = 0x80;
    size_t size = 0;
    if ((byte(0) & 0xe0U) == 0xc0 && continuation(1)) {
      size = 2;
      value = (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
    } else if ((byte(0) & 0xf0U) == 0xe0 && continuation(1) && continuation(2)) {
      size = 3;
      value = (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
    } else if ((byte(0) & 0xf8U) == 0xf0 && continuation(1) && continuation(2) && continuation(3)) {
      size = 4;
      value = (byte(0) & 0x07U) << 18U | (byte(1) & 0x3fU) << 12U | (byte(2) & 0x3fU) << 6U | (byte(3) & 0x3fU);
    }
    if (size > 0 && value < 0x80) {
      out.push_back(static_cast<char>(value));
      i += size;
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

std::vector<std::string> split_at(std::string_view text, std::string_view separators) {
  std::vector<std::string> pieces;
  while (true) {
    const size_t end = text.find_first_of(separators);
    pieces.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

// RFC 3986 5.2.4; what climbs above the root stays there.
std::string resolve_dots(std::string_view path) {
  const std::vector<std::string> segments = split_at(path, "/");
  std::vector<std::string> kept;
  for (size_t i = 1; i < segments.size(); ++i) {
    const bool is_last = i + 1 == segments.size();
    if (segments[i] == "..") {
      if (!kept.empty()) kept.pop_back();
      if (is_last) kept.emplace_back();
    } else if (segments[i] == ".") {
      if (is_last) kept.emplace_back();
    } else {
      kept.push_back(segments[i]);
    }
  }
  std::string out;
  for (const std::string& segment : kept) out += "/" + segment;
  return out.empty() ? "/" : out;
}

std::string join_if(std::string_view path, bool merges_slashes, bool drops_params, bool trims_segments) {
  std::vector<std::string> segments = split_at(path, "/");
  std::string out;
  for (size_t i = 1; i < segments.size(); ++i) {
    std::string segment = segments[i];
    const bool is_last = i + 1 == segments.size();
    if (drops_params) segment = segment.substr(0, segment.find(';'));
    const bool is_dots = segment == "." || segment == "..";
    while (trims_segments && !is_dots && !segment.empty() && (segment.back() == '.' || segment.back() == ' ')) {
      segment.pop_back();
    }
    if (merges_slashes && segment.empty() && !is_last) continue;
    out += "/" + segment;
  }
  return out.empty() ? "/" : out;
}

bool segment_matches(std::string_view wanted, std::string_view segment, bool is_last) {
  if (segment.empty()) return false;
  if (wanted == "*") return true;
  const std::string one = lower(wanted);
  const std::string other = lower(segment);
  return one == other || (is_last && other.starts_with(one + "."));
}

}  // namespace

std::string decode_once(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    out.push_back(is_escape ? static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])) : text[i]);
    if (is_escape) i += 2;
  }
  return out;
}

std::string read_path(std::string_view path, const HostModel& host) {
  std::string read(path);
  if (host.resolves_first) read = resolve_dots(read);
  for (unsigned i = 0; i < host.decodings; ++i) read = decode_once(read);
  if (host.folds_overlong) read = fold_overlong(read);
  if (host.backslash_is_slash) std::replace(read.begin(), read.end(), '\\', '/');
  if (host.cuts_at_query) read = read.substr(0, read.find_first_of("?#"));
  if (host.cuts_at_nul) read = read.substr(0, read.find('\0'));
  if (host.drops_controls) {
    std::erase_if(read, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  }
  read = join_if(read, host.merges_slashes, host.drops_params, false);
  if (host.resolves_dots) read = resolve_dots(read);
  return join_if(read, host.merges_slashes, false, host.trims_segments);
}

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments = split_at(path, "/");
  segments.erase(segments.begin());
  if (!segments.empty() && segments.back().empty()) segments.pop_back();
  return segments;
}

bool names_resource(const Rule& rule, const std::vector<std::string>& segments) {
  for (size_t i = 0; i < rule.segments.size(); ++i) {
    if (rule.segments[i] == "**") return true;
    const bool is_last = i + 1 == rule.segments.size();
    if (i >= segments.size() || !segment_matches(rule.segments[i], segments[i], is_last)) return false;
  }
  return rule.segments.size() == segments.size();
}

bool names_exactly(const Rule& rule, std::string_view path) {
  const bool has_slash = path.ends_with('/');
  const std::vector<std::string> segments = segments_of(path);
  for (size_t i = 0; i < rule.segments.size(); ++i) {
    if (i >= segments.size()) return false;
    if (rule.segments[i] == "**") return true;
    if (segments[i].empty() || (rule.segments[i] != "*" && rule.segments[i] != segments[i])) return false;
  }
  return rule.segments.size() == segments.size() && has_slash == rule.trailing_slash;
}

Parameters read_query(std::string_view query, unsigned decodings, bool splits_at_semicolon) {
  Parameters parameters;
  for (const std::string& piece : split_at(query, splits_at_semicolon ? "&;" : "&")) {
    const size_t equals = std::min(piece.find('='), piece.size());
    std::string name = piece.substr(0, equals);
    std::string value = piece.substr(std::min(equals + 1, piece.size()));
    for (std::string* text : {&name, &value}) {
      std::replace(text->begin(), text->end(), '+', ' ');
      for (unsigned i = 0; i < decodings; ++i) *text = decode_once(*text);
    }
    name.erase(0, std::min(name.find_first_not_of(" \t\r\n\v\f"), name.size()));
    name = name.substr(0, name.find('\0'));
    if (!name.empty() && name[0] != '[') name = name.substr(0, name.find('['));
    for (char& c : name) {
      if (c == '.' || c == ' ' || c == '[') c = '_';
    }
    parameters.emplace_back(name, value);
  }
  return parameters;
}

}  // namespace halfdoor::reference
