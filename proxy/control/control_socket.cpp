#include "control/control_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/address.h"

namespace halfdoor {

namespace {

constexpr int kBacklog = 128;
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kSocketMode = 0660;

std::string why() { return std::strerror(errno); }

Status make_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::string made;
  for (const auto& part : std::filesystem::path(folder)) {
    made = (std::filesystem::path(made) / part).string();
    if (::mkdir(made.c_str(), kFolderMode) == 0) {
      // Whatever the umask says: the tools of the group have to get through.
      if (::chmod(made.c_str(), kFolderMode) != 0)
        return Error{fmt::format("cannot set the mode of {}: {}", made, why())};
    } else if (errno != EEXIST) {
      return Error{fmt::format("cannot make the folder {} of the control socket: {}", made, why())};
    }
  }
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0) return Error{fmt::format("cannot look at {}: {}", folder, why())};
  if (!S_ISDIR(found.st_mode))
    return Error{fmt::format("{} is not a folder, the control socket cannot stand there", folder)};
  const bool shared = (found.st_mode & S_IWOTH) != 0 && (found.st_mode & S_ISVTX) == 0;
  if (shared) {
    return Error{fmt::format("everybody may write to {}, so anybody could replace the control socket: chmod o-w {}",
                             folder, folder)};
  }
  return {};
}

// Whether somebody answers at the socket file.
Result<bool> is_live(const Address& address, const std::string& path) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return Error{fmt::format("cannot make a socket: {}", why())};
  if (::connect(probe.get(), address.socket_address(), address.length()) == 0) return true;
  // A full backlog is a sign of life.
  if (errno == EAGAIN || errno == EINPROGRESS) return true;
  if (errno == ECONNREFUSED || errno == ENOENT) return false;
  return Error{fmt::format("cannot find out whether {} is in use: {}", path, why())};
}

Status clear_the_way(const Address& address, const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return Error{fmt::format("cannot look at {}: {}", path, why())};
  }
  if (S_ISLNK(found.st_mode)) {
    return Error{fmt::format("{} is a symbolic link; remove it, the control socket does not follow links", path)};
  }
  if (!S_ISSOCK(found.st_mode)) {
    return Error{fmt::format("{} is in the way and is not a socket; remove it or set control.socket elsewhere", path)};
  }
  if (found.st_uid != ::geteuid()) {
    return Error{
        fmt::format("{} belongs to uid {}, not to this daemon's uid {}; remove it", path, found.st_uid, ::geteuid())};
  }
  const Result<bool> live = is_live(address, path);
  if (!live) return live.error();
  if (*live) return Error{fmt::format("another halfdoor is running: it answers at {}", path)};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Error{fmt::format("cannot remove the stale socket {}: {}", path, why())};
  }
  return {};
}

Result<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(1 << 14);
  struct group entry {};
  struct group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return Error{
        fmt::format("control.group: there is no group \"{}\"; groupadd --system {}, or leave the key out", name, name)};
  }
  return entry.gr_gid;
}

}  // namespace

Status check_group(const std::string& group) {
  if (group.empty()) return {};
  const Result<gid_t> found = find_group(group);
  return found ? Status() : Status(found.error());
}

ControlSocket::ControlSocket(UniqueFd listening, std::string path)
    : listening_(std::move(listening)), path_(std::move(path)) {
  struct stat made {};
  if (::lstat(path_.c_str(), &made) == 0) inode_ = made.st_ino;
}

ControlSocket::ControlSocket(ControlSocket&& other) noexcept
    : listening_(std::move(other.listening_)), path_(std::move(other.path_)), inode_(std::exchange(other.inode_, 0)) {}

ControlSocket::~ControlSocket() {
  struct stat found {};
  if (inode_ != 0 && ::lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_) ::unlink(path_.c_str());
}

Result<ControlSocket> ControlSocket::open(const ControlSocketOptions& options) {
  const Result<Address> address = Address::parse("unix:" + options.path);
  if (!address) return Error{fmt::format("control.socket: {}", address.error().message)};
  gid_t group = ::getegid();
  if (!options.group.empty()) {
    const Result<gid_t> found = find_group(options.group);
    if (!found) return found.error();
    group = *found;
  }
  if (Status made = make_folder(options.path); !made) return made.error();
  if (Status cleared = clear_the_way(*address, options.path); !cleared) return cleared.error();
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error{fmt::format("cannot make a socket: {}", why())};
  // Nobody may connect between bind and chmod: nobody listens yet, and the mode grows from nothing.
  const mode_t before = ::umask(0777);
  const int bound = ::bind(socket.get(), address->socket_address(), address->length());
  const int bind_error = errno;
  ::umask(before);
  if (bound != 0) {
    return Error{fmt::format("cannot make the control socket {}: {}", options.path, std::strerror(bind_error))};
  }
  ControlSocket made(std::move(socket), options.path);
  if (group != ::getegid() && ::lchown(options.path.c_str(), static_cast<uid_t>(-1), group) != 0) {
    return Error{fmt::format("cannot give {} to group {}: {}", options.path, options.group, why())};
  }
  if (::chmod(options.path.c_str(), kSocketMode) != 0) {
    return Error{fmt::format("cannot set the mode of {}: {}", options.path, why())};
  }
  if (::listen(made.fd(), kBacklog) != 0) return Error{fmt::format("cannot listen on {}: {}", options.path, why())};
  return made;
}

}  // namespace halfdoor
