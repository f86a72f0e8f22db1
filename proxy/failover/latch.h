// The latch: a preallocated file of two slots written in turn, each a whole record with a checksum. The newest valid
// slot (by sequence number) wins, so a torn write costs nothing; nothing is allocated, so a full disk cannot stop it.
// The record of a change towards more writes is written before anybody knows whether the change will be: it counts only
// with a mark, written when the change is in force. Killed between the two, the service starts where it was before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "failover/change.h"

namespace halfdoor {

inline constexpr size_t kLatchSlotBytes = 4096;
inline constexpr size_t kLatchSlots = 2;

// state_dir/NAME.latch
std::string latch_path(const std::string& state_dir, std::string_view service);
// The services that have a latch in `state_dir`, configured or not; sorted.
std::vector<std::string> list_latches(const std::string& state_dir);

// One slot: "halfdoor-latch VERSION CRC32C LENGTH\n", JSON, blanks up to kLatchSlotBytes. The checksum covers the JSON,
// in version 2 the version too. Always exactly kLatchSlotBytes: reason and actor are cut until it fits. Version 1 counts
// as it stands; version 2 only if the last kLatchMarkBytes are its mark: "confirmed SEQUENCE CRC32C\n", blanks. The mark
// lies in a sector of its own: however it is torn, the record stays whole.
std::string encode_slot(const LatchRecord& record);
inline constexpr size_t kLatchMarkBytes = 64;
struct UnconfirmedSlot {
  std::string bytes;  // without its mark
  std::string mark;
};
UnconfirmedSlot encode_unconfirmed_slot(const LatchRecord& record);

enum class SlotKind : uint8_t {
  blank,  // never written, or voided
  valid,
  unconfirmed,    // whole, but its mark is not there
  broken,         // torn or damaged
  newer_version,  // written by a halfdoor that this one does not understand
};
struct SlotReading {
  SlotKind kind = SlotKind::blank;
  LatchRecord record;  // valid and unconfirmed
};
SlotReading decode_slot(std::string_view slot);

enum class LatchKind : uint8_t {
  missing,  // no such file
  valid,
  unconfirmed,    // whole is only the record of a change that was not confirmed
  corrupt,        // no whole record, or of another size
  newer_version,  // any slot of a newer version: what this one understands may be out of date
  unreadable,     // permission, a symlink, an I/O error
};
struct LatchReading {
  LatchKind kind = LatchKind::missing;
  LatchRecord record;   // valid only
  size_t slot = 0;      // valid only: where the record stands
  std::string problem;  // for the log; empty when missing or valid
  // Valid only: the change before it, if the other slot still holds that; for a journal that was not written in time.
  std::optional<LatchRecord> previous = std::nullopt;
  // Valid and unconfirmed: a change that was begun after `record`. It may have been in force, but was not confirmed.
  std::optional<LatchRecord> unconfirmed = std::nullopt;
};
// Of the whole file's bytes; pure.
LatchReading decode_latch(std::string_view bytes);
// Blocking. Never follows a symlink.
LatchReading read_latch(const std::string& path);

// The file under a latch. The seam for tests: full disk, failing sync, hanging, torn writes.
class LatchFile {
 public:
  virtual ~LatchFile() = default;
  // All bytes at `offset`, or an error; may block for as long as the disk likes.
  virtual Status write(size_t offset, std::string_view bytes) = 0;
  // Returns once what was written is durable (fdatasync).
  virtual Status sync() = 0;
};

// What becomes of a record that was written but could not be synced. It still stands in the kernel's cache and would be
// read after a kill -9.
enum class OnFailure : uint8_t {
  keep,    // the change is in force all the same (towards fewer writes): the better of two bad records
  revoke,  // the change is refused (towards more writes): the slot gets back what was in force, or nothing. Synced,
           // too, it does not count before the same record has been stored once more, with `keep`
};

// Two slots over a LatchFile. Used by one thread at a time (the helper thread); every function may block.
class Latch {
 public:
  // `reading` is what stands in the file now; must be valid.
  Latch(std::unique_ptr<LatchFile> file, const LatchReading& reading);

  // Writes to the slot that does not hold the last durable record, then syncs. Sets the sequence number. After an error
  // the last durable record is untouched, and the next store() writes to the same slot again. One that was stored with
  // `revoke` and is stored again with `keep`, as it was, gets its mark instead: from then on it counts.
  Status store(LatchRecord record, OnFailure on_failure);
  // Takes the last stored record out of the file again, so that the one before it counts: a change that was withdrawn
  // while its record was being written. No effect if there was no store() since the last revoke().
  Status revoke();
  // A record that does not count may stand in the file all the same, for revoking it failed. The next store() of the
  // present record ends that.
  bool is_in_doubt() const { return in_doubt_; }

 private:
  // What stood in the slot of the last store() before it, and which slot was durable.
  struct Undo {
    size_t slot;
    std::string image;
    size_t durable_slot;
  };
  // Synced, but not in force as far as the file says.
  struct Unconfirmed {
    LatchRecord record;  // as it was given
    size_t slot;
    std::string mark;
  };
  Status confirm();

  std::unique_ptr<LatchFile> file_;
  size_t durable_slot_;  // holds the last record that was synced and counts
  uint64_t sequence_;
  std::string kept_image_;  // of the other slot: a record in force that was not synced; empty: none
  std::optional<Undo> undo_;
  std::optional<Unconfirmed> unconfirmed_;
  bool in_doubt_ = false;
};

// Opens the latch for writing (blocking). If `reading` is not valid, a new file that holds `record` is made and put in
// place by a rename, so a latch is never seen without a record; what was there is kept as NAME.latch.bad.
// Mode 0600, never through a symlink. Errors name the file, the user and what to do.
Result<std::unique_ptr<Latch>> open_latch(const std::string& path, const LatchReading& reading,
                                          const LatchRecord& record);

}  // namespace halfdoor
