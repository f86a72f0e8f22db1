// Forgotten modes: one that was to end by now, or one that began without an operator and of which none has taken
// notice. It is said, and nothing else: no mode is ever left for it. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "failover/change.h"

namespace halfdoor {

struct Forgotten {
  enum class Why : uint8_t {
    until_over,      // the time that an operator named has passed
    unacknowledged,  // an automatic change, for at least `remind_after`
  };
  Why why = Why::until_over;
  std::string text;  // for log, status and events; one line, no full stop
};

// `mode_age`: how long the mode has been there. `until` is a wall time, so it is judged by the wall clock.
std::vector<Forgotten> forgotten(const LatchRecord& present, Milliseconds mode_age, Milliseconds remind_after,
                                 WallTime now);

// When to ask forgotten() again, if nothing is said anew before; null: nothing can be forgotten. At most a minute while
// it depends on the wall clock, which may be set.
std::optional<Milliseconds> forgotten_in(const LatchRecord& present, Milliseconds mode_age, Milliseconds remind_after,
                                         WallTime now);

// The pause after a reminder, from the one before it (null: it was the first): growing up to an hour.
Milliseconds next_reminder(std::optional<Milliseconds> last_pause, Milliseconds remind_after);

std::string_view to_text(Forgotten::Why why);

}  // namespace halfdoor
