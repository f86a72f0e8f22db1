#include "control/memory_plan.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "folder.h"

namespace halfdoor {

namespace {

constexpr uint64_t kMiB = 1 << 20;

void put(const std::string& root, const std::string& path, const std::string& text) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    ::mkdir((root + path.substr(0, slash)).c_str(), 0700);
  }
  std::ofstream(root + path) << text;
}

}  // namespace

TEST_CASE("the_smallest_limit_of_a_cgroup_and_those_around_it_counts") {
  const Folder folder;
  const std::string& root = folder.path;
  put(root, "/proc/self/cgroup", "0::/system.slice/halfdoor.service\n");
  put(root, "/sys/fs/cgroup/system.slice/halfdoor.service/memory.max", "max\n");
  const uint64_t machine = memory_of_machine(root);
  CHECK(machine > 0);
  put(root, "/sys/fs/cgroup/system.slice/halfdoor.service/memory.max", std::to_string(64 * kMiB) + "\n");
  CHECK(memory_of_machine(root) == 64 * kMiB);
  put(root, "/sys/fs/cgroup/system.slice/memory.max", std::to_string(32 * kMiB) + "\n");
  CHECK(memory_of_machine(root) == 32 * kMiB);
  put(root, "/sys/fs/cgroup/memory.max", std::to_string(16 * kMiB) + "\n");
  CHECK(memory_of_machine(root) == 16 * kMiB);
}

TEST_CASE("so_does_that_of_a_cgroup_of_version_1") {
  const Folder folder;
  put(folder.path, "/proc/self/cgroup", "7:cpu,memory:/docker/abc\n3:cpuset:/other\nnonsense\n");
  put(folder.path, "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", std::to_string(48 * kMiB) + "\n");
  put(folder.path, "/sys/fs/cgroup/memory/other/memory.limit_in_bytes", "1\n");
  CHECK(memory_of_machine(folder.path) == 48 * kMiB);
}

TEST_CASE("where_nothing_is_said_about_memory_it_is_half_of_what_there_is_and_each_worker_needs_some") {
  Config config;
  config.workers = 4;
  CHECK(*memory_within(config, 0, 100 * kMiB) == 50 * kMiB);
  CHECK(*memory_within(config, 0, 32 * kMiB) == 16 * kMiB);
  CHECK_FALSE(memory_within(config, 0, 32 * kMiB - 1));
  CHECK(*memory_within(config, 16 * kMiB, 1) == 16 * kMiB);
  const Result<uint64_t> too_little = memory_within(config, 16 * kMiB - 1, 1000 * kMiB);
  REQUIRE_FALSE(too_little);
  CHECK(too_little.error().message.find("limits.memory") != std::string::npos);
}

}  // namespace halfdoor
