#include "control/access_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "failover/file_io.h"

namespace halfdoor {

namespace {

// With its parents; what is there already stays as it is.
Status make_folder(const std::string& folder) {
  for (size_t end = folder.find('/', 1); !folder.empty(); end = folder.find('/', end + 1)) {
    const std::string part = folder.substr(0, end);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return file_error("creation of", part, errno);
    if (end == std::string::npos) break;
  }
  return {};
}

bool lacks_newline(const std::string& path, const struct stat& info) {
  if (info.st_size == 0) return false;
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char last = '\n';
  return reader && ::pread(reader.get(), &last, 1, info.st_size - 1) == 1 && last != '\n';
}

size_t begin_of_line(std::string_view lines, size_t at) { return at == 0 ? 0 : lines.rfind('\n', at - 1) + 1; }

}  // namespace

Result<UniqueFd> AccessFile::open_path() const {
  if (path_ == "stdout") {
    UniqueFd fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd) return file_error("use of", "standard output", errno);
    return fd;
  }
  if (Status made = make_folder(path_.substr(0, path_.rfind('/'))); !made) return made.error();
  // Without O_NONBLOCK a pipe that nobody reads would be waited for in here.
  UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
  if (!fd && errno == ENXIO) return Error{"open of " + path_ + ": nobody reads this pipe"};
  if (!fd) return file_error("open of", path_, errno);
  return fd;
}

Status AccessFile::adopt(UniqueFd fd) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return file_error("stat of", path_, errno);
  fd_ = std::move(fd);
  is_regular_ = S_ISREG(info.st_mode);
  lacks_newline_ = is_regular_ && path_ != "stdout" && lacks_newline(path_, info);
  return {};
}

Status AccessFile::open() {
  Result<UniqueFd> fd = open_path();
  return fd ? adopt(std::move(*fd)) : Status(fd.error());
}

Status AccessFile::open_again(std::string_view lines, size_t& from) {
  Result<UniqueFd> fd = open_path();
  if (!fd) return fd.error();
  struct stat present {
  }, next{};
  if (fd_ && ::fstat(fd_.get(), &present) == 0 && ::fstat(fd->get(), &next) == 0 && present.st_dev == next.st_dev &&
      present.st_ino == next.st_ino) {
    return {};
  }
  if (fd_) give_up(lines, from);
  return adopt(std::move(*fd));
}

Status AccessFile::write(std::string_view lines, size_t& from) {
  while (lacks_newline_ || from < lines.size()) {
    std::string_view piece = lacks_newline_ ? std::string_view("\n") : lines.substr(from);
    if (!is_regular_) {
      // A descriptor that blocks, as standard output may be, takes so much without waiting when it is writable.
      pollfd writable{fd_.get(), POLLOUT, 0};
      if (::poll(&writable, 1, 0) == 0) return {};
      piece = piece.substr(0, PIPE_BUF);
    }
    const ssize_t written = ::write(fd_.get(), piece.data(), piece.size());
    if (written > 0) {
      if (lacks_newline_) {
        lacks_newline_ = false;
      } else {
        from += static_cast<size_t>(written);
      }
      continue;
    }
    const int error = written == 0 ? ENOSPC : errno;
    if (error == EINTR) continue;
    if (error == EAGAIN) return {};
    if (error == EPIPE) {
      from = begin_of_line(lines, from);
      fd_.reset();
    }
    return file_error("write of", path_, error);
  }
  return {};
}

void AccessFile::give_up(std::string_view lines, size_t& from) {
  const size_t begin = begin_of_line(lines, from);
  const auto half = static_cast<off_t>(from - begin);
  from = begin;
  struct stat info {};
  if (half == 0 || !is_regular_ || !fd_ || ::fstat(fd_.get(), &info) != 0 || info.st_size < half) return;
  if (::ftruncate(fd_.get(), info.st_size - half) != 0) lacks_newline_ = true;
}

}  // namespace halfdoor
