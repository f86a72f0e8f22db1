#include "control/memory_plan.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace halfdoor {

namespace {

constexpr uint64_t kUnbounded = std::numeric_limits<uint64_t>::max();

// A number in a file; unbounded if there is none ("max", or no such file).
uint64_t number_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t number = 0;
  return file >> number ? number : kUnbounded;
}

// The smallest number in files of this name, from the folder of a group up to the root of its hierarchy.
uint64_t smallest_upwards(const std::string& hierarchy, std::string group, const std::string& name) {
  uint64_t least = number_in(hierarchy + "/" + name);
  while (group.size() > 1) {
    least = std::min(least, number_in(hierarchy + group + "/" + name));
    group.resize(group.rfind('/'));
  }
  return least;
}

uint64_t memory_of_cgroup(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  uint64_t least = kUnbounded;
  for (std::string line; std::getline(file, line);) {
    // "0::/group" is version 2, "5:memory:/group" version 1.
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (!group.starts_with('/')) continue;
    if (controllers == ",,") {
      least = std::min(least, smallest_upwards(root + "/sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      least = std::min(least, smallest_upwards(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

}  // namespace

uint64_t memory_of_machine(const std::string& root) {
  uint64_t least = static_cast<uint64_t>(std::max<long>(0, ::sysconf(_SC_PHYS_PAGES))) *
                   static_cast<uint64_t>(std::max<long>(0, ::sysconf(_SC_PAGESIZE)));
  struct rlimit limit {};
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) continue;
    least = std::min<uint64_t>(least, limit.rlim_cur);
  }
  return std::min(least, memory_of_cgroup(root));
}

Result<uint64_t> memory_within(const Config& config, uint64_t wanted, uint64_t available) {
  const uint64_t most = wanted != 0 ? wanted : available / 2;
  const auto workers = static_cast<uint64_t>(config.worker_count());
  if (most >= workers * kLeastMemoryPerWorker) return most;
  return Error{fmt::format("limits.memory: {} MiB for {} workers is too little, each needs {} MiB{}", most >> 20,
                           workers, kLeastMemoryPerWorker >> 20,
                           wanted != 0 ? "" : " (left out, it is half of what machine and cgroup give)")};
}

}  // namespace halfdoor
