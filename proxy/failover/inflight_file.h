// InflightFile: the identities of the writes that a worker has in flight, in a mapped file of fixed slots, so that they
// are known even when the process was killed. No system call and no allocation per write.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "config/mode.h"
#include "failover/uncertain_list.h"

namespace halfdoor {

// As exchange/write_ledger.h's WriteIdentity, field by field.
struct WriteRecord {
  int64_t wall_ms = 0;  // Unix time
  std::string_view request_id;
  std::string_view service;
  uint64_t epoch = 0;
  std::string_view method;
  std::string_view path;
  std::string_view client;
  Side side = Side::primary;
  std::string_view server;
};

// Slot of the file; texts that do not fit are cut and end with "...".
inline constexpr size_t kInflightSlotBytes = 1024;

// state_dir/inflight.N
std::string inflight_path(const std::string& state_dir, int worker);

struct InflightScan;

// States of a slot. Each move is one store, made after the fields that it vouches for; a process killed between any two
// stores leaves a slot that is free or a whole identity.
//
//   free --begin--> in_flight --clear--> free
//                       |
//                       mark_uncertain --> uncertain --release_uncertain (control thread)--> free
//
// One per worker, shared by the worker and the control thread.
class InflightFile {
 public:
  using Ticket = uint32_t;

  // Maps the file for `slots` slots, all free: whatever stood there is forgotten, so scan_inflight() comes first. An
  // existing file of the same shape is used again, so a full disk does not stop a restart; else a new one is allocated
  // and put in its place. Blocking.
  static Result<std::shared_ptr<InflightFile>> open(const std::string& path, uint32_t slots);
  // A write that stood in the file when it was opened, and the slot that it still holds.
  struct Kept {
    Ticket ticket;
    UncertainWrite write;
  };
  // As open(), for a start at which the list of uncertain writes cannot be written (full disk): what stands in the file
  // stays there as uncertain and is handed over in `kept`, to be listed and released like any other. Only for an
  // existing file of the same shape; an error otherwise.
  static Result<std::shared_ptr<InflightFile>> open_keeping(const std::string& path, uint32_t slots,
                                                            std::vector<Kept>& kept);
  ~InflightFile();
  InflightFile(const InflightFile&) = delete;
  InflightFile& operator=(const InflightFile&) = delete;

  // Worker's thread. O(1). Null: every slot is taken.
  std::optional<Ticket> begin(const WriteRecord& record);
  // Worker's thread. The ticket of a begin() that was neither cleared nor marked.
  void clear(Ticket ticket);
  // Worker's thread. Likewise. What it returns goes to the control thread together with the ticket, for the list.
  UncertainWrite mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why);

  // Control thread (or any), after the list has been synced. The slot is handed back to the worker without a lock.
  // False: it was not uncertain (released twice); nothing happened.
  bool release_uncertain(Ticket ticket);

  uint32_t slots() const { return slots_; }
  // Slots that are not free; any thread, a momentary value.
  uint32_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  struct Slot;
  friend InflightScan scan_inflight_file(const std::string& path);
  InflightFile(void* memory, size_t bytes, uint32_t slots);
  static Result<std::shared_ptr<InflightFile>> map(const UniqueFd& fd, const std::string& path, uint32_t slots);
  void free_all();
  void free_all_but_known(std::vector<Kept>& kept);
  Slot& slot(Ticket ticket) const;

  void* memory_;
  size_t bytes_;
  uint32_t slots_;
  std::unique_ptr<uint32_t[]> next_;  // links of both lists of free slots
  uint32_t free_;                     // worker's thread only
  std::atomic<uint32_t> returned_;    // pushed by release_uncertain, taken whole by begin
  std::atomic<uint32_t> in_use_{0};
};

struct InflightScan {
  // In flight when the process ended (why: "halfdoor stopped", bytes_sent 0), and uncertain but not yet released (their
  // own why: they may be in the list already).
  std::vector<UncertainWrite> writes;
  std::vector<std::string> warnings;  // files that could not be read, slots that made no sense
};
// One file; missing or damaged ones yield warnings, never an error. Blocking. Changes nothing.
InflightScan scan_inflight_file(const std::string& path);
// All inflight.* of the folder, also those of workers that there are no longer.
// At start: scan_inflight -> UncertainList::append_now -> remove_stale_inflight -> InflightFile::open per worker.
InflightScan scan_inflight(const std::string& state_dir);
// Removes the files of worker numbers >= workers. Only after what they hold has been listed.
void remove_stale_inflight(const std::string& state_dir, int workers);

}  // namespace halfdoor
