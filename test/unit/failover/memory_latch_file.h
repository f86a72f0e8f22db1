// A latch file in memory, with the faults that a disk has: full, failing, hanging, torn.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "failover/latch.h"

namespace halfdoor {

// What the disk holds and does; shared by the test and the file that a Latch owns.
struct MemoryDisk {
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::string cached;               // what a process reads: survives kill -9
  std::string durable;              // what survives a power failure
  std::vector<std::string> images;  // `cached` after each byte of each write, if wanted
  bool records_images = false;
  std::optional<std::string> write_error;
  std::optional<std::string> sync_error;
  bool hangs_in_write = false;
  bool hangs_in_sync = false;
  bool is_hanging = false;
  int writes = 0;
  int syncs = 0;

  std::string read() const {
    const std::lock_guard lock(mutex);
    return cached;
  }
  bool hanging() const {
    const std::lock_guard lock(mutex);
    return is_hanging;
  }
  void release() {
    const std::lock_guard lock(mutex);
    hangs_in_write = hangs_in_sync = false;
    changed.notify_all();
  }
  void wait_while(std::unique_lock<std::mutex>& lock, const bool& hangs) {
    is_hanging = hangs;
    changed.wait(lock, [&hangs] { return !hangs; });
    is_hanging = false;
  }
};

class MemoryLatchFile : public LatchFile {
 public:
  explicit MemoryLatchFile(std::shared_ptr<MemoryDisk> disk) : disk_(std::move(disk)) {}

  Status write(size_t offset, std::string_view bytes) override {
    std::unique_lock lock(disk_->mutex);
    ++disk_->writes;
    disk_->wait_while(lock, disk_->hangs_in_write);
    if (disk_->write_error) return Error{*disk_->write_error};
    if (offset + bytes.size() > disk_->cached.size()) return Error{"the latch grew"};
    for (size_t i = 0; i < bytes.size(); ++i) {
      disk_->cached[offset + i] = bytes[i];
      if (disk_->records_images) disk_->images.push_back(disk_->cached);
    }
    return {};
  }
  Status sync() override {
    std::unique_lock lock(disk_->mutex);
    ++disk_->syncs;
    disk_->wait_while(lock, disk_->hangs_in_sync);
    if (disk_->sync_error) return Error{*disk_->sync_error};
    disk_->durable = disk_->cached;
    return {};
  }

 private:
  std::shared_ptr<MemoryDisk> disk_;
};

// A latch whose first slot holds `record`.
inline std::unique_ptr<Latch> make_latch(const std::shared_ptr<MemoryDisk>& disk, const LatchRecord& record) {
  disk->cached = encode_slot(record) + std::string(kLatchSlotBytes, '\0');
  disk->durable = disk->cached;
  return std::make_unique<Latch>(std::make_unique<MemoryLatchFile>(disk), decode_latch(disk->cached));
}

}  // namespace halfdoor
