// How many client connections the descriptors of this process allow (robustness.md).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "config/config.h"

namespace halfdoor {

// For log, latches, journal and whatever libraries open.
inline constexpr uint64_t kReservedDescriptors = 32;
// Connections to the control API, over all ways in; see HttpServer.
inline constexpr uint64_t kMostControlConnections = 128;
// Where RLIMIT_NOFILE is all but unlimited, this is what "from RLIMIT_NOFILE" means.
inline constexpr uint64_t kMostDefaultConnections = 100'000;

// Two descriptors per connection, a listening socket and a spare per listener and worker, what else each worker has,
// one pooled connection per server and worker, the checks in flight, the control API, the reserve. `wanted`:
// limits.connections, 0: as many as fit. The error says how much is missing.
Result<uint64_t> connections_within(const Config& config, uint64_t wanted, uint64_t descriptors);

// Raises RLIMIT_NOFILE as far as it may and asks connections_within.
Result<uint64_t> plan_connections(const Config& config);

}  // namespace halfdoor
