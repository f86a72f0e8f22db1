#include "control/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/health_checks.h"

namespace halfdoor {

namespace {

constexpr uint64_t kDescriptorsPerWorker = 4;  // epoll, its timer, eventfd, in-flight file
constexpr uint64_t kFewestConnections = 16;
// Enough for limits.connections of a million; the kernel keeps a table of this size.
constexpr uint64_t kMostDescriptors = 1 << 21;

uint64_t fixed_descriptors(const Config& config) {
  uint64_t servers = 0;
  for (const ServiceConfig& service : config.services) {
    for (const Side side : kSides) servers += service.side(side).servers.size();
  }
  const auto workers = static_cast<uint64_t>(config.worker_count());
  return kReservedDescriptors + kMostControlConnections + std::min<uint64_t>(servers, kMostChecksInFlight) +
         workers * (2 * config.listeners.size() + servers + kDescriptorsPerWorker);
}

}  // namespace

Result<uint64_t> connections_within(const Config& config, uint64_t wanted, uint64_t descriptors) {
  const uint64_t fixed = fixed_descriptors(config);
  const uint64_t fit = descriptors > fixed ? (descriptors - fixed) / 2 : 0;
  if (wanted == 0 && fit >= kFewestConnections) return std::min(fit, kMostDefaultConnections);
  if (wanted != 0 && wanted <= fit) return wanted;
  const uint64_t connections = wanted == 0 ? kFewestConnections : wanted;
  return Error{fmt::format(
      "RLIMIT_NOFILE is {}, but {} connections need {} descriptors (2 each, and {} for listeners, pools and "
      "reserve): raise it (ulimit -n, LimitNOFILE=) or lower limits.connections",
      descriptors, connections, connections * 2 + fixed, fixed)};
}

Result<uint64_t> plan_connections(const Config& config) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return Error{fmt::format("cannot read RLIMIT_NOFILE: {}", std::strerror(errno))};
  const rlim_t most = std::min<rlim_t>(limit.rlim_max, kMostDescriptors);
  if (limit.rlim_cur < most) {
    const struct rlimit raised { most, limit.rlim_max };
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = most;
  }
  return connections_within(config, config.limits.connections, limit.rlim_cur);
}

}  // namespace halfdoor
