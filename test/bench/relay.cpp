// A bare relay: recv, send, recv, send per request and no parsing at all; the floor that a proxy is measured against.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>

namespace {

struct End {
  int fd = -1;
  End* other = nullptr;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void watch(int epoll, End& end) {
  const int on = 1;
  setsockopt(end.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &end;
  epoll_ctl(epoll, EPOLL_CTL_ADD, end.fd, &event);
}

}  // namespace

// relay LISTEN-PORT SERVER-PORT; messages of at most 64 KiB that the other side can take at once.
int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: relay LISTEN-PORT SERVER-PORT\n");
    return 64;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in here = loopback(std::atoi(argv[1])), there = loopback(std::atoi(argv[2]));
  if (bind(listener, reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0 || listen(listener, 4096) != 0) {
    std::perror("relay");
    return 1;
  }
  const int epoll = epoll_create1(0);
  End accepting{listener, nullptr};
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &accepting;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::puts("relay listening");
  std::fflush(stdout);
  static char buffer[65536];
  while (true) {
    epoll_event events[256];
    const int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      auto* end = static_cast<End*>(events[i].data.ptr);
      if (end == &accepting) {
        auto* client = new End{accept(listener, nullptr, nullptr), nullptr};
        auto* server = new End{socket(AF_INET, SOCK_STREAM, 0), client};
        client->other = server;
        if (connect(server->fd, reinterpret_cast<const sockaddr*>(&there), sizeof(there)) != 0) return 1;
        watch(epoll, *client);
        watch(epoll, *server);
        continue;
      }
      if (end->fd < 0) continue;
      const ssize_t got = recv(end->fd, buffer, sizeof(buffer), 0);
      if (got > 0 && end->other->fd >= 0) {
        if (send(end->other->fd, buffer, static_cast<size_t>(got), 0) == got) continue;
      }
      // Closed or over what it can take: both ends go; the few bytes of the pair are not worth tracking here.
      close(end->fd);
      if (end->other->fd >= 0) close(end->other->fd);
      end->fd = end->other->fd = -1;
    }
  }
}
