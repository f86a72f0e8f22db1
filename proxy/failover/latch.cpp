#include "failover/latch.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "failover/file_io.h"
#include "failover/state_dir.h"

namespace halfdoor {

namespace {

constexpr std::string_view kSuffix = ".latch";

class DiskLatchFile : public LatchFile {
 public:
  DiskLatchFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status write(size_t offset, std::string_view bytes) override {
    if (const int error = write_all_at(fd_.get(), bytes, offset)) return file_error("write of", path_, error);
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

// Null: the end was not reached within `most` bytes, or errno is set.
std::optional<std::string> read_whole(int fd, size_t most, int& error) {
  std::string bytes(most + 1, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::pread(fd, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      error = errno;
      return std::nullopt;
    }
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::string latch_path(const std::string& state_dir, std::string_view service) {
  return fmt::format("{}/{}{}", state_dir, service, kSuffix);
}

std::vector<std::string> list_latches(const std::string& state_dir) {
  std::vector<std::string> services;
  DIR* folder = ::opendir(state_dir.c_str());
  if (folder == nullptr) return services;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name.size() > kSuffix.size() && name.ends_with(kSuffix)) {
      services.emplace_back(name.substr(0, name.size() - kSuffix.size()));
    }
  }
  ::closedir(folder);
  std::sort(services.begin(), services.end());
  return services;
}

LatchReading read_latch(const std::string& path) {
  const auto unreadable = [](std::string problem) {
    return LatchReading{LatchKind::unreadable, {}, 0, std::move(problem)};
  };
  // O_NOFOLLOW makes a symlink ELOOP; a dangling one is not "missing".
  const UniqueFd probe(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!probe && errno == ENOENT) return {};
  Result<UniqueFd> fd = open_regular(path, O_RDONLY);
  if (!fd.ok())
    return unreadable(
        fmt::format("{} ({}; this process is {})", fd.error().message, describe_owner(path), describe_user()));
  int error = 0;
  const std::optional<std::string> bytes = read_whole(fd->get(), kLatchSlots * kLatchSlotBytes, error);
  if (!bytes) return unreadable(file_error("read of", path, error).message);
  return decode_latch(*bytes);
}

Latch::Latch(std::unique_ptr<LatchFile> file, const LatchReading& reading)
    : file_(std::move(file)), durable_slot_(reading.slot), sequence_(reading.record.sequence) {
  HALFDOOR_CHECK(reading.kind == LatchKind::valid);
  if (reading.unconfirmed) sequence_ = std::max(sequence_, reading.unconfirmed->sequence);
}

Status Latch::store(LatchRecord record, OnFailure on_failure) {
  const bool counts_at_once = on_failure == OnFailure::keep;
  if (counts_at_once && unconfirmed_ && unconfirmed_->record == record) return confirm();
  unconfirmed_.reset();
  const size_t slot = (durable_slot_ + 1) % kLatchSlots;
  const LatchRecord given = record;
  record.sequence = ++sequence_;
  UnconfirmedSlot encoded;
  if (!counts_at_once) encoded = encode_unconfirmed_slot(record);
  std::string image = counts_at_once ? encode_slot(record) : std::move(encoded.bytes);
  undo_ = Undo{slot, kept_image_.empty() ? std::string(kLatchSlotBytes, '\0') : kept_image_, durable_slot_};
  Status status = file_->write(slot * kLatchSlotBytes, image);
  if (status.ok()) status = file_->sync();
  if (status.ok()) {
    if (counts_at_once) {
      durable_slot_ = slot;
    } else {
      unconfirmed_ = Unconfirmed{given, slot, std::move(encoded.mark)};
    }
    kept_image_.clear();
    in_doubt_ = false;
  } else if (counts_at_once) {
    kept_image_ = std::move(image);
  } else {
    (void)revoke();  // the first error is the one to tell
  }
  return status;
}

// However often it fails it may be tried again: nothing but the mark is written.
Status Latch::confirm() {
  Status status = file_->write((unconfirmed_->slot + 1) * kLatchSlotBytes - kLatchMarkBytes, unconfirmed_->mark);
  if (status.ok()) status = file_->sync();
  if (!status.ok()) return status;
  durable_slot_ = unconfirmed_->slot;
  unconfirmed_.reset();
  undo_.reset();
  in_doubt_ = false;
  return status;
}

Status Latch::revoke() {
  unconfirmed_.reset();
  if (!undo_) return {};
  const Undo undo = std::move(*undo_);
  undo_.reset();
  durable_slot_ = undo.durable_slot;
  const bool was_blank = undo.image.front() == '\0';
  kept_image_ = was_blank ? std::string() : undo.image;
  Status status = file_->write(undo.slot * kLatchSlotBytes, undo.image);
  if (status.ok()) status = file_->sync();
  in_doubt_ = !status.ok();
  return status;
}

namespace {

Error explain(const Error& error, const std::string& path) {
  return Error{fmt::format("{} ({}; this process is {}): the mode could not be kept, so nothing is served",
                           error.message, describe_owner(path), describe_user())};
}

}  // namespace

Result<std::unique_ptr<Latch>> open_latch(const std::string& path, const LatchReading& reading,
                                          const LatchRecord& record) {
  LatchReading now = reading;
  if (reading.kind != LatchKind::valid) {
    const std::string bad = path + ".bad";
    if (reading.kind != LatchKind::missing) {
      // A second name, not a rename: the latch must never be missing, not even for a moment.
      ::unlink(bad.c_str());
      (void)::linkat(AT_FDCWD, path.c_str(), AT_FDCWD, bad.c_str(), 0);
    }
    now = {LatchKind::valid, record, 0, {}};
    now.record.sequence = 1;
    const std::string bytes = encode_slot(now.record) + std::string(kLatchSlotBytes, '\0');
    if (const Status made = replace_file(path, bytes); !made.ok()) return explain(made.error(), path);
  }
  Result<UniqueFd> fd = open_regular(path, O_RDWR);
  if (!fd.ok()) return explain(fd.error(), path);
  // A latch that was copied back from a backup may have holes; on a full disk they would only show at the switch.
  (void)::posix_fallocate(fd->get(), 0, kLatchSlots * kLatchSlotBytes);
  return std::make_unique<Latch>(std::make_unique<DiskLatchFile>(std::move(*fd), path), now);
}

}  // namespace halfdoor
