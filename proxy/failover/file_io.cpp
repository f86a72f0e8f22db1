#include "failover/file_io.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "failover/state_dir.h"

namespace halfdoor {

std::string errno_text(int error_number) { return std::generic_category().message(error_number); }

Error file_error(std::string_view what, std::string_view path, int error_number) {
  return Error{fmt::format("{} {}: {}", what, path, errno_text(error_number))};
}

int write_all_at(int fd, std::string_view bytes, size_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<size_t>(n);
  }
  return 0;
}

Result<UniqueFd> open_regular(const std::string& path, int flags, int mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode));
  if (!fd) return file_error("open of", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return file_error("stat of", path, errno);
  if (!S_ISREG(info.st_mode)) return Error{fmt::format("{} is not a regular file: move it away", path)};
  return fd;
}

namespace {

Status fill_file(const UniqueFd& fd, const std::string& path, std::string_view bytes) {
  if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes.size()))) {
    return file_error("allocation of", path, error);
  }
  if (const int error = write_all_at(fd.get(), bytes, 0)) return file_error("write of", path, error);
  if (::fsync(fd.get()) != 0) return file_error("sync of", path, errno);
  return {};
}

}  // namespace

Status replace_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  Result<UniqueFd> fd = open_regular(fresh, O_RDWR | O_CREAT | O_EXCL);
  if (!fd.ok()) return fd.error();
  Status filled = fill_file(*fd, fresh, bytes);
  if (filled.ok() && ::rename(fresh.c_str(), path.c_str()) != 0) filled = file_error("rename to", path, errno);
  if (!filled.ok()) {
    ::unlink(fresh.c_str());
    return filled;
  }
  return sync_folder(path.substr(0, path.rfind('/') + 1));
}

}  // namespace halfdoor
