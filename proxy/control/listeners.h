// The listening sockets of every worker.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "config/config.h"

namespace halfdoor {

struct Listeners {
  std::vector<std::vector<UniqueFd>> sockets;  // by worker, then as Config::listeners
  std::vector<std::string> addresses;          // where they really are: "127.0.0.1:43123"
};

// TCP: one socket per worker (SO_REUSEPORT); of port 0 the first decides. A Unix socket is one, shared.
Result<Listeners> open_listeners(const Config& config, int workers);

}  // namespace halfdoor
