// AppendFile: lines appended to a file that a crash or a full disk may tear: a torn line never swallows the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace halfdoor {

// The bytes under an AppendFile; the seam for tests.
class AppendTarget {
 public:
  virtual ~AppendTarget() = default;
  // Appends all of it or returns an error; `written` is how much got in.
  virtual Status append(std::string_view bytes, size_t& written) = 0;
  virtual Status truncate(uint64_t size) = 0;
  virtual Status sync() = 0;
};

// One thread at a time; every function may block.
class AppendFile {
 public:
  // `size` and `ends_with_newline` describe what stands there already.
  AppendFile(std::unique_ptr<AppendTarget> target, uint64_t size, bool ends_with_newline);
  // Creates it (0600, never through a symlink) if it is missing.
  static Result<std::unique_ptr<AppendFile>> open(const std::string& path);

  // `lines`: each with its "\n". Appends and syncs all of them, or takes back what got in and returns an error.
  Status append(std::string_view lines);
  uint64_t size() const { return size_; }

 private:
  std::unique_ptr<AppendTarget> target_;
  uint64_t size_;
  bool at_line_start_;
};

// What reading a file of lines met.
struct LineReading {
  bool missing = false;
  uint64_t lines = 0;
  uint64_t skipped = 0;  // torn, too long, or refused by `use`
  std::string problem;   // why it could not be read; empty: it could
};
// Calls `use` for every line of at most 64 KiB, without its "\n"; false: garbage, counted. Starts `tail` bytes before
// the end (0: at the beginning), at the first whole line. Memory bounded by one line. Never follows a symlink.
LineReading read_lines(const std::string& path, uint64_t tail, const std::function<bool(std::string_view)>& use);

}  // namespace halfdoor
