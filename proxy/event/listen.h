// Listening sockets.
#pragma once

#include "base/address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace halfdoor {

// Bound, listening, non-blocking, close-on-exec. With `reuse_port` several sockets may share the address (SO_REUSEPORT)
// and the kernel spreads connections over them. A stale Unix socket file is replaced. Errors name the address and say
// why.
Result<UniqueFd> listen_on(const Address& address, bool reuse_port);
// Has the kernel ask a silent peer whether it is still there: tunnels, event streams and long polls may be silent for
// an hour. For TCP; what is accepted inherits it.
void keep_alive(int fd);
// Where a socket is bound: tells the port when 0 was asked for.
Result<Address> local_address(int fd);

}  // namespace halfdoor
