#include "simulation/sim_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace halfdoor {

namespace {

SimulatedDisk* present_disk = nullptr;

uint64_t inode_of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? info.st_ino : 0;
}

}  // namespace

SimulatedDisk::SimulatedDisk(Dice dice, Hooks hooks) : dice_(dice), hooks_(std::move(hooks)) { present_disk = this; }
SimulatedDisk::~SimulatedDisk() { present_disk = nullptr; }

bool SimulatedDisk::is_synced(const std::string& path) const {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && dirty_.count(info.st_ino) == 0;
}

int SimulatedDisk::before(Call call, int fd, size_t size, size_t& allowed) {
  allowed = 0;
  if (!hooks_.is_alive_at_call()) {
    // A write that was under way is torn.
    if (call == Call::write && dice_.chance(500)) allowed = static_cast<size_t>(dice_.below(size + 1));
    return EIO;
  }
  if ((call == Call::sync || call == Call::write) && hangs()) {
    is_waiting_ = true;
    const bool is_alive = hooks_.wait();
    is_waiting_ = false;
    if (!is_alive) return EIO;
  }
  if (call == Call::write) dirty_.insert(inode_of(fd));
  switch (health) {
    case Health::fine:
    case Health::hanging: return 0;
    case Health::full:
      if (call == Call::allocate) return ENOSPC;
      // An append; what lies within a preallocated file has its room.
      if (call == Call::write && (::fcntl(fd, F_GETFL) & O_APPEND) != 0) {
        allowed = static_cast<size_t>(dice_.below(size + 1));
        return ENOSPC;
      }
      return 0;
    case Health::failing:
      if (call == Call::write) allowed = dice_.chance(500) ? static_cast<size_t>(dice_.below(size + 1)) : 0;
      return call == Call::other ? 0 : EIO;
  }
  return 0;
}

void SimulatedDisk::after(Call call, int fd) {
  if (call == Call::sync) dirty_.erase(inode_of(fd));
}

namespace {

using Call = SimulatedDisk::Call;

template <class Make>
long run(Call call, int fd, size_t size, Make make) {
  size_t allowed = 0;
  const int error = present_disk == nullptr ? 0 : present_disk->before(call, fd, size, allowed);
  if (error == 0) {
    const long result = make(size);
    if (result >= 0 && present_disk != nullptr) present_disk->after(call, fd);
    return result;
  }
  // What got in before the error is a short write; the error comes with the next one.
  if (allowed > 0) return make(allowed);
  errno = error;
  return -1;
}

}  // namespace
}  // namespace halfdoor

using halfdoor::run;

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return run(halfdoor::Call::write, fd, size, [=](size_t n) { return ::syscall(SYS_pwrite64, fd, bytes, n, offset); });
}
ssize_t write(int fd, const void* bytes, size_t size) {
  return run(halfdoor::Call::write, fd, size, [=](size_t n) { return ::syscall(SYS_write, fd, bytes, n); });
}
int fsync(int fd) {
  return static_cast<int>(run(halfdoor::Call::sync, fd, 0, [=](size_t) { return ::syscall(SYS_fsync, fd); }));
}
int fdatasync(int fd) {
  return static_cast<int>(run(halfdoor::Call::sync, fd, 0, [=](size_t) { return ::syscall(SYS_fdatasync, fd); }));
}
int ftruncate(int fd, off_t size) noexcept {
  return static_cast<int>(
      run(halfdoor::Call::other, fd, 0, [=](size_t) { return ::syscall(SYS_ftruncate, fd, size); }));
}
int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(
      run(halfdoor::Call::other, -1, 0, [=](size_t) { return ::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to); }));
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  const long result =
      run(halfdoor::Call::allocate, fd, 0, [=](size_t) { return ::syscall(SYS_fallocate, fd, 0, offset, size); });
  return result == 0 ? 0 : errno;
}

}  // extern "C"
