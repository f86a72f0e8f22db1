// A disk that is full, failing or hanging on demand, preloaded into halfdoor by the operations tests.
//
// While the file named by HALFDOOR_TEST_DISK exists, pwrite, write, fsync and fdatasync on files of the folder
// HALFDOOR_TEST_DISK_FOLDER do what its first word says: "full" (ENOSPC where something is written), "failing" (EIO
// where something is synced), "hanging" (they return once the file is gone), "unsynced" (only syncs hang) or
// "unconfirmed" (only what confirms a record of the latch hangs before it is written).
//
// While the file named by HALFDOOR_TEST_STALL exists, the thread of the name that it holds does not come back from
// epoll_wait.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Disk { healthy, full, failing, hanging, unsynced, unconfirmed };

// Nothing else that is written has the length of a latch's mark.
constexpr size_t kMarkBytes = 64;

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool is_concerned(int fd) {
  const char* folder = std::getenv("HALFDOOR_TEST_DISK_FOLDER");
  if (folder == nullptr) return false;
  char link[64], path[4096];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof(path) - 1);
  return length > 0 && std::strncmp(path, folder, std::strlen(folder)) == 0;
}

Disk present_disk() {
  const char* order = std::getenv("HALFDOOR_TEST_DISK");
  if (order == nullptr) return Disk::healthy;
  const int fd = open(order, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Disk::healthy;
  char text[16] = {};
  const ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (length <= 0) return Disk::healthy;
  if (std::strncmp(text, "full", 4) == 0) return Disk::full;
  if (std::strncmp(text, "failing", 7) == 0) return Disk::failing;
  if (std::strncmp(text, "unsynced", 8) == 0) return Disk::unsynced;
  return std::strncmp(text, "unconfirmed", 11) == 0 ? Disk::unconfirmed : Disk::hanging;
}

bool hangs(Disk disk, bool writes, size_t count) {
  if (disk == Disk::unsynced) return !writes;
  if (disk == Disk::unconfirmed) return writes && count == kMarkBytes;
  return disk == Disk::hanging;
}

// errno of a failure, or 0 to go on. `count`: bytes to be written.
int obey(int fd, bool writes, size_t count = 0) {
  if (!is_concerned(fd)) return 0;
  Disk disk = present_disk();
  while (hangs(disk, writes, count)) {
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
    disk = present_disk();
  }
  if (disk == Disk::full && writes) return ENOSPC;
  if (disk == Disk::failing && !writes) return EIO;
  return 0;
}

bool is_stalled() {
  const char* order = std::getenv("HALFDOOR_TEST_STALL");
  if (order == nullptr) return false;
  const int fd = open(order, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char wanted[16] = {}, name[16] = {};
  const ssize_t length = read(fd, wanted, sizeof(wanted) - 1);
  close(fd);
  return length > 0 && pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && std::strcmp(wanted, name) == 0;
}

int refuse(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {

int epoll_wait(int fd, struct epoll_event* events, int most, int timeout) {
  const int ready = real<int (*)(int, struct epoll_event*, int, int)>("epoll_wait")(fd, events, most, timeout);
  const int error = errno;
  while (is_stalled()) {
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
  errno = error;
  return ready;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  if (const int error = obey(fd, true, count)) return refuse(error);
  return real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  if (const int error = obey(fd, true, count)) return refuse(error);
  return real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64")(fd, bytes, count, offset);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  if (const int error = obey(fd, true, count)) return refuse(error);
  return real<ssize_t (*)(int, const void*, size_t)>("write")(fd, bytes, count);
}

int fsync(int fd) {
  if (const int error = obey(fd, false)) return refuse(error);
  return real<int (*)(int)>("fsync")(fd);
}

int fdatasync(int fd) {
  if (const int error = obey(fd, false)) return refuse(error);
  return real<int (*)(int)>("fdatasync")(fd);
}

}  // extern "C"
