// Writes in flight whose every field tells their number, and files that hold them.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "failover/inflight_file.h"

namespace halfdoor {

// Texts of one write; every field tells its number, so that a mixture of two writes shows.
struct Sample {
  std::string number;
  std::string path;

  explicit Sample(uint64_t n) : number(std::to_string(n)), path("/bookings/" + number + "/") {
    while (path.size() < 300) path += number + "/";
  }
  WriteRecord record() const {
    return {.wall_ms = std::stoll(number),
            .request_id = number,
            .service = number,
            .epoch = std::stoull(number),
            .method = number,
            .path = path,
            .client = number,
            .side = Side::primary,
            .server = number};
  }
};

inline void check_whole(const UncertainWrite& write) {
  const Sample sample(static_cast<uint64_t>(write.wall_ms));
  CHECK(write.request_id == sample.number);
  CHECK(write.service == sample.number);
  CHECK(write.epoch == static_cast<uint64_t>(write.wall_ms));
  CHECK(write.method == sample.number);
  CHECK(write.path == sample.path);
  CHECK(write.client == sample.number);
  CHECK(write.server == sample.number);
}

inline std::shared_ptr<InflightFile> open(const std::string& path, uint32_t slots) {
  auto file = InflightFile::open(path, slots);
  REQUIRE(file.ok());
  return *file;
}

inline std::set<std::string> ids(const InflightScan& scan) {
  std::set<std::string> all;
  for (const UncertainWrite& write : scan.writes) all.insert(write.request_id);
  return all;
}

}  // namespace halfdoor
