// A disk that is full, failing or hanging on demand, preloaded into halfdoor by the operations tests.
//
// While the file named by HALFDOOR_TEST_DISK exists, pwrite, write, fsync and fdatasync on files of the folder
// HALFDOOR_TEST_DISK_FOLDER do what its first word says: "full" (ENOSPC where something is written), "failing" (EIO
// where something is synced) or "hanging" (they return once the file is gone).
#include <dlfcn.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Disk { healthy, full, failing, hanging };

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
  return std::strncmp(text, "failing", 7) == 0 ? Disk::failing : Disk::hanging;
}

// errno of a failure, or 0 to go on.
int obey(int fd, bool writes) {
  if (!is_concerned(fd)) return 0;
  Disk disk = present_disk();
  while (disk == Disk::hanging) {
    const timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
    disk = present_disk();
  }
  if (disk == Disk::full && writes) return ENOSPC;
  if (disk == Disk::failing && !writes) return EIO;
  return 0;
}

int refuse(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  if (const int error = obey(fd, true)) return refuse(error);
  return real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
  if (const int error = obey(fd, true)) return refuse(error);
  return real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64")(fd, bytes, count, offset);
}

ssize_t write(int fd, const void* bytes, size_t count) {
  if (const int error = obey(fd, true)) return refuse(error);
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
