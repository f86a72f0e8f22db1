#include "failover/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "failover/file_io.h"

namespace halfdoor {

namespace {

constexpr size_t kLongestLine = 64 << 10;

class DiskAppendTarget : public AppendTarget {
 public:
  DiskAppendTarget(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status append(std::string_view bytes, size_t& written) override {
    written = 0;
    while (written < bytes.size()) {
      const ssize_t n = ::write(fd_.get(), bytes.data() + written, bytes.size() - written);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return file_error("write of", path_, n < 0 ? errno : ENOSPC);
      written += static_cast<size_t>(n);
    }
    return {};
  }
  Status truncate(uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return file_error("truncation of", path_, errno);
    return {};
  }
  Status sync() override {
    if (::fdatasync(fd_.get()) != 0) return file_error("sync of", path_, errno);
    return {};
  }

 private:
  UniqueFd fd_;
  std::string path_;
};

}  // namespace

AppendFile::AppendFile(std::unique_ptr<AppendTarget> target, uint64_t size, bool ends_with_newline)
    : target_(std::move(target)), size_(size), at_line_start_(size == 0 || ends_with_newline) {}

Result<std::unique_ptr<AppendFile>> AppendFile::open(const std::string& path) {
  Result<UniqueFd> fd = open_regular(path, O_RDWR | O_CREAT | O_APPEND);
  if (!fd.ok()) return fd.error();
  const off_t size = ::lseek(fd->get(), 0, SEEK_END);
  if (size < 0) return file_error("seek in", path, errno);
  char last = '\n';
  if (size > 0 && ::pread(fd->get(), &last, 1, size - 1) != 1) return file_error("read of", path, errno);
  return std::make_unique<AppendFile>(std::make_unique<DiskAppendTarget>(std::move(*fd), path),
                                      static_cast<uint64_t>(size), last == '\n');
}

Status AppendFile::append(std::string_view lines) {
  if (lines.empty()) return target_->sync();
  std::string bytes = at_line_start_ ? std::string() : std::string("\n");
  bytes += lines;
  size_t written = 0;
  Status status = target_->append(bytes, written);
  if (status.ok()) status = target_->sync();
  if (status.ok()) {
    size_ += bytes.size();
    at_line_start_ = true;
    return status;
  }
  if (written > 0 && !target_->truncate(size_).ok()) {
    size_ += written;
    at_line_start_ = written == bytes.size();
  }
  return status;
}

namespace {

// Puts pieces of a file together to lines.
class LineSplitter {
 public:
  LineSplitter(LineReading& reading, const std::function<bool(std::string_view)>& use, bool starts_within_line)
      : reading_(reading), use_(use), skipping_first_(starts_within_line) {}

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      is_too_long_ = is_too_long_ || line_.size() + piece.size() > kLongestLine;
      if (is_too_long_) {
        line_.clear();
      } else {
        line_ += piece;
      }
      if (end == std::string_view::npos) return;
      finish();
      bytes.remove_prefix(end + 1);
    }
  }
  void finish() {
    const bool has_line = is_too_long_ || !line_.empty();
    if (has_line && !skipping_first_) {
      ++reading_.lines;
      if (is_too_long_ || !use_(line_)) ++reading_.skipped;
    }
    skipping_first_ = false;
    is_too_long_ = false;
    line_.clear();
  }

 private:
  LineReading& reading_;
  const std::function<bool(std::string_view)>& use_;
  std::string line_;
  bool is_too_long_ = false;
  bool skipping_first_;
};

}  // namespace

LineReading read_lines(const std::string& path, uint64_t tail, const std::function<bool(std::string_view)>& use) {
  LineReading reading;
  const UniqueFd probe(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!probe && errno == ENOENT) {
    reading.missing = true;
    return reading;
  }
  Result<UniqueFd> fd = open_regular(path, O_RDONLY);
  if (!fd.ok()) {
    reading.problem = fd.error().message;
    return reading;
  }
  const off_t size = ::lseek(fd->get(), 0, SEEK_END);
  // One byte earlier, so that a line that begins exactly at the tail is seen as whole.
  off_t at = tail == 0 || size <= static_cast<off_t>(tail) ? 0 : size - static_cast<off_t>(tail) - 1;
  LineSplitter splitter(reading, use, at > 0);
  std::vector<char> block(64 << 10);
  while (true) {
    const ssize_t n = ::pread(fd->get(), block.data(), block.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) reading.problem = file_error("read of", path, errno).message;
    if (n <= 0) break;
    splitter.add({block.data(), static_cast<size_t>(n)});
    at += n;
  }
  splitter.finish();
  return reading;
}

}  // namespace halfdoor
