#include "http/path.h"

#include <cstdint>

#include "base/text.h"
#include "http/chars.h"

namespace halfdoor {
namespace {

constexpr int kMostRounds = 8;

// The byte that the escape at `at` stands for; -1: it is no escape.
int escaped_byte(std::string_view path, size_t at) {
  if (at + 2 >= path.size()) return -1;
  const int high = hex_value(path[at + 1]);
  const int low = hex_value(path[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Follows how deep a path is below the root, byte by byte of its decoded form.
class DepthMeter {
 public:
  // False: it has climbed above the root.
  bool take(char c) {
    if (c == '/') return end_segment();
    if (c == ';') in_params_ = true;
    if (in_params_) return true;
    ++bytes_;
    only_dots_ = only_dots_ && c == '.';
    return true;
  }
  bool end_segment() {
    const bool is_empty_or_dot = bytes_ == 0 || (only_dots_ && bytes_ == 1);
    const bool is_parent = only_dots_ && bytes_ == 2;
    bytes_ = 0;
    only_dots_ = true;
    in_params_ = false;
    if (is_parent) return depth_-- > 0;
    if (!is_empty_or_dot) ++depth_;
    return true;
  }

 private:
  int64_t depth_ = 0;
  size_t bytes_ = 0;  // of the segment, without params
  bool only_dots_ = true;
  bool in_params_ = false;
};

// One round; what is no escape stays. True if anything changed.
bool decode(std::string_view path, std::string& decoded) {
  decoded.clear();
  decoded.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    const int byte = path[i] == '%' ? escaped_byte(path, i) : -1;
    decoded.push_back(byte < 0 ? path[i] : static_cast<char>(byte));
    if (byte >= 0) i += 2;
  }
  return decoded.size() != path.size();
}

// Joins the segments again without params, empty and dot segments; climbing above the root stays at the root.
// `trim_segment` may shorten a segment.
template <class Trim>
std::string resolve(std::string_view path, Trim trim_segment) {
  std::string resolved;
  resolved.reserve(path.size() + 1);
  bool ends_with_slash = true;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    std::string_view segment = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    segment = segment.substr(0, segment.find(';'));
    segment = trim_segment(segment);
    if (segment == "..") {
      resolved.resize(resolved.empty() ? 0 : resolved.rfind('/'));
    } else if (!segment.empty() && segment != ".") {
      resolved.append("/").append(segment);
      ends_with_slash = slash != std::string_view::npos;
      continue;
    }
    ends_with_slash = true;
  }
  if (ends_with_slash) resolved.push_back('/');
  return resolved;
}

// How many bytes at `at` are an overlong UTF-8 form of an ASCII character, which is given in `c`; 0: none.
size_t overlong_ascii(std::string_view text, size_t at, char& c) {
  const auto byte = [&](size_t offset) {
    return at + offset < text.size() ? static_cast<unsigned char>(text[at + offset]) : 0U;
  };
  const auto is_tail = [&](size_t offset) { return (byte(offset) & 0xc0U) == 0x80U; };
  const unsigned lead = byte(0);
  size_t size = 0;
  if ((lead == 0xc0 || lead == 0xc1) && is_tail(1)) {
    size = 2;
  } else if (lead == 0xe0 && (byte(1) == 0x80 || byte(1) == 0x81) && is_tail(2)) {
    size = 3;
  } else if (lead == 0xf0 && byte(1) == 0x80 && (byte(2) == 0x80 || byte(2) == 0x81) && is_tail(3)) {
    size = 4;
  } else {
    return 0;
  }
  const unsigned high = size == 2 ? lead & 1U : byte(size - 2) & 1U;
  c = static_cast<char>(high << 6U | (byte(size - 1) & 0x3fU));
  return size;
}

// What lenient hosts make of bytes: overlong forms, backslashes, letter case, control bytes that end or vanish.
std::string fold_bytes(std::string_view path) {
  std::string folded;
  folded.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    const size_t overlong = overlong_ascii(path, i, c);
    if (overlong > 0) i += overlong - 1;
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
    if (!is_control) folded.push_back(c == '\\' ? '/' : ascii_lower(c));
  }
  return folded;
}

}  // namespace

PathProblem check_path(std::string_view path) {
  DepthMeter meter;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      const int byte = escaped_byte(path, i);
      if (byte < 0) return PathProblem::bad_escape;
      if (byte == 0) return PathProblem::nul;
      c = static_cast<char>(byte);
      i += 2;
    }
    if (!meter.take(c)) return PathProblem::above_root;
  }
  return meter.end_segment() ? PathProblem::none : PathProblem::above_root;
}

std::string normal_form(std::string_view path) {
  std::string decoded;
  decode(path, decoded);
  return resolve(decoded, [](std::string_view segment) { return segment; });
}

bool is_normal_form(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  path.remove_prefix(1);
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    // "." and ".." end with a dot, too; some hosts drop trailing dots.
    if (segment.empty() || segment.back() == '.' || (common_class(segment) & kPathChar) == 0) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return true;
}

std::string deny_form(std::string_view path) {
  std::string present(path);
  std::string next;
  for (int round = 0; round < kMostRounds; ++round) {
    const bool has_changed = decode(present, next);
    next = fold_bytes(next);
    if (!has_changed && next == present) break;
    present.swap(next);
  }
  return resolve(present, [](std::string_view segment) {
    while (!segment.empty() && segment.back() == ' ') segment.remove_suffix(1);
    if (segment == "." || segment == "..") return segment;
    while (!segment.empty() && (segment.back() == '.' || segment.back() == ' ')) segment.remove_suffix(1);
    return segment;
  });
}

}  // namespace halfdoor
