// What the tests of this folder share: a folder that goes away again, files as texts, records.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "base/text.h"
#include "failover/change.h"

namespace halfdoor {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "halfdoor-failover-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline WallTime at(const std::string& rfc3339) { return parse_rfc3339(rfc3339).value(); }

inline LatchRecord make_record(Mode from, Mode to, uint64_t epoch) {
  LatchRecord record;
  record.service = "salon";
  record.from = from;
  record.to = to;
  record.epoch = epoch;
  record.sequence = epoch;
  record.time = at("2026-11-22T03:04:05.678Z");
  record.side_since = at("2026-11-22T02:00:00Z");
  record.actor = "uid:0(root)";
  record.reason = "disk failure at host A";
  return record;
}

// Polls until `condition` holds; false after 20 s.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(Milliseconds(1));
  }
  return true;
}

}  // namespace halfdoor
