#include "failover/state_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "failover/file_io.h"

namespace halfdoor {

namespace {

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return fmt::format("{}", uid);
}

std::string group_name(gid_t gid) {
  std::array<char, 4096> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->gr_name;
  return fmt::format("{}", gid);
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error explain(const std::string& path, const std::string& culprit, int error_number) {
  return Error{fmt::format("state_dir {}: {} ({} {}; this process is {}): run as root, or: install -d -m 0700 -o {} {}",
                           path, errno_text(error_number), culprit, describe_owner(culprit), describe_user(),
                           user_name(::geteuid()), path)};
}

Status make_folder(const std::string& path, mode_t mode, const std::string& whole) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return explain(whole, parent_of(path), errno);
  if (Status made = make_folder(parent_of(path), 0755, whole); !made.ok()) return made;
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return explain(whole, parent_of(path), errno);
}

// The process that holds the lock, as it wrote there itself.
std::string read_holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string digits;
  for (ssize_t i = 0; i < n && text[static_cast<size_t>(i)] >= '0' && text[static_cast<size_t>(i)] <= '9'; ++i) {
    digits += text[static_cast<size_t>(i)];
  }
  return digits.empty() ? "another process" : "process " + digits;
}

Result<UniqueFd> take_lock(const std::string& folder) {
  const std::string path = folder + "/lock";
  Result<UniqueFd> fd = open_regular(path, O_RDWR | O_CREAT);
  if (!fd.ok()) {
    return Error{fmt::format("{} ({} {}; this process is {})", fd.error().message, folder, describe_owner(folder),
                             describe_user())};
  }
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return file_error("lock of", path, errno);
    return Error{
        fmt::format("state_dir {} is in use by {}: stop it first, or give this halfdoor a state_dir of its own", folder,
                    read_holder(fd->get()))};
  }
  // Only for the message above, so a full disk does not matter.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd->get(), 0) == 0) (void)write_all_at(fd->get(), pid, 0);
  return fd;
}

}  // namespace

std::string describe_user() { return fmt::format("{} (uid {})", user_name(::geteuid()), ::geteuid()); }

std::string describe_owner(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return errno == ENOENT ? "does not exist" : errno_text(errno);
  return fmt::format("belongs to {}:{}, mode {:04o}", user_name(info.st_uid), group_name(info.st_gid),
                     info.st_mode & 07777U);
}

Status sync_folder(const std::string& path) {
  const UniqueFd fd(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return file_error("open of", path, errno);
  if (::fsync(fd.get()) != 0) return file_error("sync of", path, errno);
  return {};
}

Result<StateDir> StateDir::open(const std::string& path) {
  StateDir dir;
  dir.path_ = path;
  while (dir.path_.size() > 1 && dir.path_.back() == '/') dir.path_.pop_back();
  if (dir.path_.empty()) return Error{"state_dir is empty: write a folder, such as \"/var/lib/halfdoor\""};
  if (const Status made = make_folder(dir.path_, 0700, dir.path_); !made.ok()) return made.error();
  struct stat info {};
  if (::stat(dir.path_.c_str(), &info) != 0) return explain(dir.path_, dir.path_, errno);
  if (!S_ISDIR(info.st_mode)) return Error{fmt::format("state_dir {} is not a folder: move it away", dir.path_)};
  if (::access(dir.path_.c_str(), R_OK | W_OK | X_OK) != 0) return explain(dir.path_, dir.path_, errno);
  if ((info.st_mode & 0022U) != 0) {
    dir.warning_ = fmt::format("state_dir {} {}: others could change the mode; chmod 0700 {}", dir.path_,
                               describe_owner(dir.path_), dir.path_);
  }
  Result<UniqueFd> lock = take_lock(dir.path_);
  if (!lock.ok()) return lock.error();
  dir.lock_ = std::move(*lock);
  return dir;
}

}  // namespace halfdoor
