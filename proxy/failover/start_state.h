// The mode in which a service starts, from what latch and journal say. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "failover/journal.h"
#include "failover/latch.h"

namespace halfdoor {

struct StartState {
  LatchRecord record;                 // state_of(record) for the first Snapshot
  std::vector<std::string> warnings;  // loud: to be logged as errors and shown in the status
  bool must_persist = false;          // the record is not what the latch holds
};

//   latch                          | starts in
//   valid                          | its mode
//   a change was not confirmed     | the mode before it, in an epoch above it; loudly
//   valid, the journal is ahead    | the journal's last mode, without writes; loudly
//   of another service             | primary-readonly, loudly
//   missing, journal knows nothing | fresh_mode, epoch 1
//   missing, journal knows it      | primary-readonly, loudly
//   corrupt, newer, unreadable     | primary-readonly, loudly
//
// "Loudly" means warnings, actor `automatic`, acknowledged false, and an epoch above every known one. Divergence is
// taken from the journal where it knows.
//
// What to do with it: open_latch(path, reading, record) writes the record itself unless the reading is valid; if
// must_persist and the reading is valid, store() it soon: until then another start comes to the same mode. Then
// Journal::complete_from(record).
StartState start_state(std::string_view service, Mode fresh_mode, const LatchReading& reading,
                       const JournalKnowledge& journal, WallTime now);

}  // namespace halfdoor
