// RunningChange: one request for a mode on its way from its guards to its answer.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/mode_request.h"
#include "control/switch_environment.h"
#include "failover/mode_machine.h"

namespace halfdoor {

//   waiting --guards--> asking --primary answered--> waiting
//      |                                     (the guards are judged again, with the answer)
//      +--guards pass--> latching --synced, or 250 ms--> applying --every worker--> draining --fenced--> over
//      |                     |                                                        |
//      |                     +--cannot be persisted--> over            two steps: --fenced--> waiting
//      +--refused, nothing to do, dry run--> over or draining
enum class ChangePhase : uint8_t {
  waiting,   // its turn has not come
  asking,    // for the answer of the caught_up URL
  latching,  // the record is being written; not published yet
  applying,  // published, not every worker has applied it
  draining,  // out of the queue: waits for fenced, or for its deadline
};

struct RunningChange {
  uint64_t id = 0;
  ModeRequest request;
  OnAnswer answer;  // empty once it has been called
  SteadyTime arrived{};
  ChangePhase phase = ChangePhase::waiting;

  Plan plan;                  // as judged last
  Mode from = Mode::primary;  // when it was judged first
  bool judged = false;
  bool first_step_done = false;  // of two: the freeze is in force
  std::vector<GuardResult> remarks;
  std::optional<CaughtUpAnswer> caught_up;
  uint64_t caught_up_epoch = 0;  // the epoch in which it was asked

  LatchRecord next;
  JournalEntry::Kind kind = JournalEntry::Kind::change;
  uint64_t job = 0;
  SteadyTime latching_since{};

  uint64_t generation = 0;
  SteadyTime published_at{};
  std::optional<SteadyTime> applied_at;

  // When the caller wants to hear something, whatever there is.
  SteadyTime deadline() const;
  void move_to(ChangePhase next_phase);
};

// Within this a worker has to apply a snapshot; then it is named NOT SAFE.
inline constexpr Milliseconds kNotSafeAfter{1'000};
// A change towards fewer writes does not wait longer for the disk.
inline constexpr Milliseconds kLatchPatience{250};
// One towards more writes waits at most so long, then it is refused.
inline constexpr Milliseconds kLatchPatienceForWrites{5'000};
// A record in force that is not on the disk is written again so often.
inline constexpr Milliseconds kPersistAgainAfter{1'000};
// What fencing may take beyond `drain` before the second of two steps is given up.
inline constexpr Milliseconds kBeyondDrain{5'000};
// If a timer is so late, the whole process was stopped.
inline constexpr Milliseconds kProcessWasStopped{1'000};
// The same refusal of the automatic is told again at the earliest then, if nothing was to be refused meanwhile.
inline constexpr Milliseconds kRefusalToldAgainAfter{3'600'000};
// Workers say applied and fenced in two messages; with --wait 0s the second is waited for if nothing has to drain.
inline constexpr Milliseconds kFencedMessageLag{100};

}  // namespace halfdoor
