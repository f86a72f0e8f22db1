#include "http/path.h"

#include <cstdint>

#include "http/chars.h"

namespace halfdoor {
namespace {

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

}  // namespace halfdoor
