// A file of lines in memory that takes only so many bytes, or fails to sync or to truncate.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "failover/append_file.h"

namespace halfdoor {

struct MemoryLines {
  std::mutex mutex;
  std::string text;
  std::string durable;
  std::optional<size_t> room;  // bytes that still fit
  bool fails_to_sync = false;
  bool fails_to_truncate = false;

  std::string read() {
    const std::lock_guard lock(mutex);
    return text;
  }
};

class MemoryAppendTarget : public AppendTarget {
 public:
  explicit MemoryAppendTarget(std::shared_ptr<MemoryLines> lines) : lines_(std::move(lines)) {}

  Status append(std::string_view bytes, size_t& written) override {
    const std::lock_guard lock(lines_->mutex);
    written = lines_->room && *lines_->room < bytes.size() ? *lines_->room : bytes.size();
    lines_->text += bytes.substr(0, written);
    if (lines_->room) *lines_->room -= written;
    if (written < bytes.size()) return Error{"No space left on device"};
    return {};
  }
  Status truncate(uint64_t size) override {
    const std::lock_guard lock(lines_->mutex);
    if (lines_->fails_to_truncate) return Error{"Input/output error"};
    lines_->text.resize(size);
    return {};
  }
  Status sync() override {
    const std::lock_guard lock(lines_->mutex);
    if (lines_->fails_to_sync) return Error{"Input/output error"};
    lines_->durable = lines_->text;
    return {};
  }

 private:
  std::shared_ptr<MemoryLines> lines_;
};

inline std::unique_ptr<AppendFile> make_append_file(const std::shared_ptr<MemoryLines>& lines) {
  const bool ends_with_newline = lines->text.empty() || lines->text.back() == '\n';
  return std::make_unique<AppendFile>(std::make_unique<MemoryAppendTarget>(lines), lines->text.size(),
                                      ends_with_newline);
}

}  // namespace halfdoor
