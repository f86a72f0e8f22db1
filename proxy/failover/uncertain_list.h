// UncertainList: the writes whose outcome nobody knows, for ever, one JSON object per line in
// state_dir/uncertain.jsonl (older ones in uncertain.jsonl.1).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/mode.h"
#include "failover/append_file.h"
#include "failover/helper.h"

namespace halfdoor {

struct UncertainWrite {
  int64_t wall_ms = 0;  // Unix time at which the write began
  std::string request_id;
  std::string service;
  uint64_t epoch = 0;
  std::string method;
  std::string path;
  std::string client;
  Side side = Side::primary;
  std::string server;
  uint64_t bytes_sent = 0;  // at least; 0: not known
  std::string why;

  friend bool operator==(const UncertainWrite&, const UncertainWrite&) = default;
};

// The JSON object of the control API: {time,request_id,service,epoch,method,path,client,side,server,bytes_sent,why}.
std::string to_json(const UncertainWrite& write);

inline constexpr size_t kUncertainKept = 10'000;              // in memory, over all services; the file has more
inline constexpr uint64_t kUncertainFileBytes = 64ULL << 20;  // then it becomes uncertain.jsonl.1, replacing an older

// Control thread, but for what it posts. Reading is from memory; writing is done by the helper thread.
class UncertainList {
 public:
  // Called on the helper thread, once per append, after the sync: then the slots may be released.
  using Done = std::function<void(const Status&)>;

  // Reads what is there (blocking), tolerating torn lines. `helper` outlives the list.
  static Result<std::unique_ptr<UncertainList>> open(const std::string& state_dir, Helper& helper,
                                                     uint64_t most_bytes = kUncertainFileBytes);

  uint64_t skipped_lines() const { return skipped_; }
  const std::string& warning() const { return warning_; }

  // They are in memory at once, whatever becomes of the file. What is listed already (same request id and time) is not
  // listed again: a kill between the list and the slot leaves both. After an error nothing of them stands in the file:
  // the caller appends the same writes again later (they are not listed twice in memory).
  void append(const std::vector<UncertainWrite>& writes, Done done);
  // At start, before the first append(): writes and syncs on the caller's thread.
  Status append_now(const std::vector<UncertainWrite>& writes);

  // Newest first, at most `most`; empty service: all.
  std::vector<UncertainWrite> newest(std::string_view service, size_t most) const;
  // How many of `service` are in memory; empty: of all.
  size_t count(std::string_view service) const;

 private:
  // All that tells a write from others: a trusted proxy may give one request id to many of one moment.
  using Key = std::string;
  static Key key_of(const UncertainWrite& write);
  struct Output;
  UncertainList(Helper& helper, std::shared_ptr<Output> output);
  bool take_line(std::string_view line);
  void remember(const UncertainWrite& write);
  std::string remember_all(const std::vector<UncertainWrite>& writes);

  std::deque<UncertainWrite> writes_;  // oldest first
  std::set<Key> keys_;                 // of writes_
  std::set<Key> found_;                // stood in the file at the start
  uint64_t skipped_ = 0;
  std::string warning_;
  Helper& helper_;
  std::shared_ptr<Output> output_;
};

}  // namespace halfdoor
