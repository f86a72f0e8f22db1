// LatchRecord and how one follows from another: what a mode change does to epoch, side, divergence and
// acknowledgement. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/mode.h"
#include "config/snapshot.h"
#include "failover/mode_machine.h"

namespace halfdoor {

// The whole record of the change that led to the present mode; what the latch keeps.
struct LatchRecord {
  std::string service;
  Mode from = Mode::primary;
  Mode to = Mode::primary;  // the present mode
  uint64_t epoch = 1;
  uint64_t sequence = 0;  // counts the records of one latch; given by Latch::store
  WallTime time{};        // of the change; kept by updates
  WallTime side_since{};  // when the side was entered
  std::string actor;
  std::string reason;  // at most kLongestReason bytes; empty: none
  std::optional<WallTime> until;
  bool diverged = false;
  bool diverged_before = false;  // in the mode that the change left
  bool acknowledged = true;      // false: automatic, and no operator has looked at it
  bool automatic = false;        // the change was made by actor `automatic`; kept by updates
  std::vector<std::string> overrides;
  std::optional<WallTime> last_automatic_failover;

  friend bool operator==(const LatchRecord&, const LatchRecord&) = default;
};

// What a file says beyond it was never counted; it is far from where an epoch would begin anew.
inline constexpr uint64_t kHighestEpoch = uint64_t{1} << 62;

// Bytes of UTF-8. Longer texts are cut: a record must fit a slot of the latch.
inline constexpr size_t kLongestReason = 1000;
inline constexpr size_t kLongestActor = 200;
inline constexpr std::string_view kActorAutomatic = "automatic";

// Control characters become blanks, bytes that are not UTF-8 become U+FFFD; cut to `most` bytes between two code
// points.
std::string clean_text(std::string_view text, size_t most);

struct ChangeRequest {
  std::optional<Verb> verb;  // failback clears `diverged` when it ends in primary
  Mode to = Mode::primary;
  std::string actor;
  std::string reason;
  std::optional<WallTime> until;
  std::vector<std::string> overrides;  // as asked for
  WallTime now{};
};

// The record of a change: next epoch; diverged set by a change to backup-writable, cleared by a failback to primary;
// side_since kept while the serving side stays (closed is no side). Times are cut to milliseconds.
LatchRecord make_change(const LatchRecord& present, const ChangeRequest& request);

// Present mode asked for again: same epoch, time and side. Reason and until replace the old ones where given; any actor
// but `automatic` acknowledges. The actor of the change stays.
struct UpdateRequest {
  std::string actor;
  std::optional<std::string> reason;
  std::optional<WallTime> until;
};
LatchRecord make_update(const LatchRecord& present, const UpdateRequest& request);
// Whether make_update would change anything worth a record.
bool is_worth_a_record(const LatchRecord& present, const UpdateRequest& request);

// Whether the present mode is the work of an automatic failover: not of an operator, nor of a start without a latch.
bool is_automatic_failover(const LatchRecord& present);

// For the Snapshot.
ServiceState state_of(const LatchRecord& record);

// Wall time as it is kept: whole milliseconds.
WallTime whole_ms(WallTime time);

}  // namespace halfdoor
