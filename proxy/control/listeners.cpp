#include "control/listeners.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "event/listen.h"

namespace halfdoor {

namespace {

Status add_listener(const Address& wanted, Listeners& listeners) {
  Address address = wanted;
  for (std::vector<UniqueFd>& sockets : listeners.sockets) {
    const bool is_first = &sockets == &listeners.sockets.front();
    if (address.is_unix() && !is_first) {
      UniqueFd copy(::fcntl(listeners.sockets.front().back().get(), F_DUPFD_CLOEXEC, 0));
      if (!copy) return Error{fmt::format("cannot share {}: {}", address.text(), std::strerror(errno))};
      sockets.push_back(std::move(copy));
      continue;
    }
    Result<UniqueFd> socket = listen_on(address, !address.is_unix());
    if (!socket) return socket.error();
    if (is_first && !address.is_unix()) {
      const Result<Address> bound = local_address(socket->get());
      if (!bound) return bound.error();
      address.set_port(bound->port());
    }
    sockets.push_back(std::move(*socket));
  }
  listeners.addresses.push_back(address.text());
  return {};
}

Result<Address> resolve(const std::string& name) {
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos) return Error{fmt::format("\"{}\" has no port", name)};
  struct addrinfo hints {};
  hints.ai_socktype = SOCK_STREAM;
  struct addrinfo* found = nullptr;
  const int code = ::getaddrinfo(name.substr(0, colon).c_str(), name.substr(colon + 1).c_str(), &hints, &found);
  if (code != 0) return Error{fmt::format("server \"{}\" cannot be resolved: {}", name, ::gai_strerror(code))};
  const std::unique_ptr<struct addrinfo, void (*)(struct addrinfo*)> owner(found, ::freeaddrinfo);
  return Address::from_socket(found->ai_addr, found->ai_addrlen);
}

}  // namespace

Result<Listeners> open_listeners(const Config& config, int workers) {
  Listeners listeners;
  listeners.sockets.resize(static_cast<size_t>(workers));
  for (const ListenConfig& listen : config.listeners) {
    if (Status added = add_listener(listen.address, listeners); !added) return added.error();
  }
  return listeners;
}

Status resolve_servers(Config& config) {
  for (ServiceConfig& service : config.services) {
    for (SideConfig& side : service.sides) {
      for (ServerConfig& server : side.servers) {
        if (server.address) continue;
        const Result<Address> address = resolve(server.name);
        if (!address) return Error{fmt::format("service {}: {}", service.name, address.error().message)};
        server.address = *address;
      }
    }
  }
  return {};
}

}  // namespace halfdoor
