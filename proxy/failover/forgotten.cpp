#include "failover/forgotten.h"

#include <fmt/format.h>

#include <algorithm>

#include "failover/guards.h"
#include "failover/mode_machine.h"

namespace halfdoor {

namespace {

constexpr Milliseconds kLongestPause{3'600'000};
constexpr Milliseconds kLookAgain{60'000};

bool may_be_overlooked(const LatchRecord& present) { return present.automatic && !present.acknowledged; }

// The command that asks for the mode that is there.
std::string keep_command(const LatchRecord& present) {
  const std::optional<Verb> verb = verb_for(present.to, present.to, present.diverged);
  return fmt::format("halfdoor {} {}", verb ? to_text(*verb) : "status", present.service);
}

std::string with_reason(const LatchRecord& present) {
  return present.reason.empty() ? std::string() : fmt::format(" ({})", present.reason);
}

}  // namespace

std::vector<Forgotten> forgotten(const LatchRecord& present, Milliseconds mode_age, Milliseconds remind_after,
                                 WallTime now) {
  std::vector<Forgotten> found;
  if (present.until && now >= *present.until) {
    found.push_back(
        {Forgotten::Why::until_over,
         fmt::format("{} was to end at {}, {} ago, and does not end by itself: end it, or give it more time "
                     "({} --until +2h)",
                     to_text(present.to), format_rfc3339(*present.until), about(elapsed_since(*present.until, now)),
                     keep_command(present))});
  }
  if (may_be_overlooked(present) && mode_age >= remind_after) {
    found.push_back({Forgotten::Why::unacknowledged,
                     fmt::format("{} began without an operator {} ago{} and nobody has acknowledged it: {} does, and "
                                 "keeps it",
                                 to_text(present.to), about(mode_age), with_reason(present), keep_command(present))});
  }
  return found;
}

std::optional<Milliseconds> forgotten_in(const LatchRecord& present, Milliseconds mode_age, Milliseconds remind_after,
                                         WallTime now) {
  std::optional<Milliseconds> next;
  if (present.until) {
    const auto left = std::chrono::ceil<Milliseconds>(*present.until - now);
    next = left > Milliseconds(0) ? std::min(left, kLookAgain) : kLookAgain;
  }
  if (may_be_overlooked(present) && mode_age < remind_after) {
    next = std::min(next.value_or(remind_after - mode_age), remind_after - mode_age);
  }
  return next;
}

Milliseconds next_reminder(std::optional<Milliseconds> last_pause, Milliseconds remind_after) {
  const Milliseconds longest = std::max(kLongestPause, remind_after);
  return last_pause ? std::min(*last_pause * 2, longest) : remind_after;
}

std::string_view to_text(Forgotten::Why why) {
  return why == Forgotten::Why::until_over ? "until_over" : "unacknowledged";
}

}  // namespace halfdoor
