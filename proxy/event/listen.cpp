#include "event/listen.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace halfdoor {

namespace {

constexpr int kBacklog = 4096;
// A peer that has gone without a word is noticed after a minute and a half.
constexpr int kKeepAliveIdleSeconds = 60;
constexpr int kKeepAliveIntervalSeconds = 10;
constexpr int kKeepAliveProbes = 3;

Error describe_errno(const Address& address, const char* action) {
  const int error = errno;
  const char* advice = error == EADDRINUSE      ? "; another process listens there"
                       : error == EACCES        ? "; run as root or grant CAP_NET_BIND_SERVICE"
                       : error == EADDRNOTAVAIL ? "; this machine does not have that address"
                                                : "";
  return Error{fmt::format("cannot {} {}: {}{}", action, address.text(), std::strerror(error), advice)};
}

// Nobody answers there: the file was left by a process that is gone.
bool is_stale_socket(const Address& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe && ::connect(probe.get(), address.socket_address(), address.length()) != 0 && errno == ECONNREFUSED;
}

void remove_stale_socket(const Address& address) {
  const char* path = reinterpret_cast<const sockaddr_un*>(address.socket_address())->sun_path;
  struct stat found {};
  if (::lstat(path, &found) == 0 && S_ISSOCK(found.st_mode) && is_stale_socket(address)) ::unlink(path);
}

}  // namespace

Result<UniqueFd> listen_on(const Address& address, bool reuse_port) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return describe_errno(address, "open a socket for");
  const int on = 1;
  if (address.is_unix()) {
    remove_stale_socket(address);
  } else {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (reuse_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
      return describe_errno(address, "share");
    }
    // "0.0.0.0:80" and "[::]:80" may stand side by side in one configuration.
    if (address.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    // Inherited by what is accepted; our output is already gathered into one write per turn.
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    keep_alive(fd.get());
  }
  if (::bind(fd.get(), address.socket_address(), address.length()) != 0) return describe_errno(address, "bind");
  if (::listen(fd.get(), kBacklog) != 0) return describe_errno(address, "listen on");
  return fd;
}

void keep_alive(int fd) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepAliveIdleSeconds, sizeof(kKeepAliveIdleSeconds));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepAliveIntervalSeconds, sizeof(kKeepAliveIntervalSeconds));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepAliveProbes, sizeof(kKeepAliveProbes));
}

Result<Address> local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return Error{fmt::format("getsockname: {}", std::strerror(errno))};
  }
  return Address::from_socket(reinterpret_cast<const sockaddr*>(&storage), length);
}

}  // namespace halfdoor
