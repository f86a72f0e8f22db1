#include "control/listeners.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

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

}  // namespace

Result<Listeners> open_listeners(const Config& config, int workers) {
  Listeners listeners;
  listeners.sockets.resize(static_cast<size_t>(workers));
  for (const ListenConfig& listen : config.listeners) {
    if (Status added = add_listener(listen.address, listeners); !added) return added.error();
  }
  return listeners;
}

}  // namespace halfdoor
