// How much memory clients may make this process hold: limits.memory, or a share of what the machine gives it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "config/config.h"

namespace halfdoor {

// With less a worker cannot be trusted to serve anybody.
inline constexpr uint64_t kLeastMemoryPerWorker = 4 << 20;

// Bytes that the process may use: the smallest of physical memory, RLIMIT_AS, RLIMIT_DATA, and what its cgroup and
// those around it allow (memory.max, or memory.limit_in_bytes of version 1). `root`: where /proc and /sys are found.
uint64_t memory_of_machine(const std::string& root = "");

// For all workers together. `wanted`: limits.memory, 0: half of `available`. The error says what is missing.
Result<uint64_t> memory_within(const Config& config, uint64_t wanted, uint64_t available);

}  // namespace halfdoor
