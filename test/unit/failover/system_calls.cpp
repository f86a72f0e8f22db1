#include "system_calls.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace halfdoor {

SystemCalls* watched_calls = nullptr;

namespace {

// The errno with which this call is to fail; 0: it is to be made.
int before_call(const char* name) {
  if (watched_calls == nullptr) return 0;
  if (watched_calls->made++ == watched_calls->kill_before) ::kill(::getpid(), SIGKILL);
  ++watched_calls->counts[name];
  const auto error = watched_calls->errors.find(name);
  return error == watched_calls->errors.end() ? 0 : error->second;
}

template <class... Arguments>
long call(const char* name, long number, Arguments... arguments) {
  if (const int error = before_call(name)) {
    errno = error;
    return -1;
  }
  return ::syscall(number, arguments...);
}

}  // namespace
}  // namespace halfdoor

using halfdoor::call;

extern "C" {

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return call("pwrite", SYS_pwrite64, fd, bytes, size, offset);
}
int fsync(int fd) { return static_cast<int>(call("fsync", SYS_fsync, fd)); }
int fdatasync(int fd) { return static_cast<int>(call("fdatasync", SYS_fdatasync, fd)); }
int ftruncate(int fd, off_t size) noexcept { return static_cast<int>(call("ftruncate", SYS_ftruncate, fd, size)); }
int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(call("rename", SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}
int unlink(const char* path) noexcept { return static_cast<int>(call("unlink", SYS_unlinkat, AT_FDCWD, path, 0)); }
int linkat(int from_fd, const char* from, int to_fd, const char* to, int flags) noexcept {
  return static_cast<int>(call("linkat", SYS_linkat, from_fd, from, to_fd, to, flags));
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return call("posix_fallocate", SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

}  // extern "C"
