// The automatic: whether a service is to be moved without an operator, from what the checks saw and for how long. Pure,
// any thread.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "failover/guards.h"

namespace halfdoor {

// GuardFacts with is_automatic set, and what the automatic alone looks at. How long a side has been as it is counts
// from when the mode was entered, at most.
struct AutomaticFacts {
  Mode mode = Mode::primary;
  GuardFacts guards;
  Milliseconds primary_for{0};
  Milliseconds backup_for{0};
  // An operator came to this mode with --override primary-healthy, and no check has seen the primary healthy since: it
  // is the checks that are not believed.
  bool primary_is_trusted = false;
  // Since an automatic failback was last refused; null: it was not.
  std::optional<Milliseconds> since_refused_failback;
};

// One of: a change to ask for now (`verb`); one that would be asked for, but for the guards in `refused`; nothing.
struct AutomaticDecision {
  std::optional<Verb> verb;
  std::string reason;  // what was seen: "10.0.0.10:8080: connection refused for 3.0 s"
  Judgement refused;
  // Look again then, if nothing else happens; null: when a fact other than a time changes.
  std::optional<Milliseconds> again_in;
};

// So long after a refusal (by the caught_up URL, or the disk) an automatic failback is tried again.
inline constexpr Milliseconds kFailbackAgainAfter{10'000};

//   mode            | failover.automatic                       | failback.automatic
//   primary         | the primary down for `after`, the backup | -
//                   | healthy for `after`; then the guards     |
//   backup-readonly | -                                        | entered by an automatic failover that no operator has
//                   |                                          | acknowledged, not diverged; the primary healthy for
//                   |                                          | `healthy_for`, minimum_stay over, fenced
//   any other       | -                                        | -
//
// A side of which nothing is known is neither down nor healthy.
AutomaticDecision decide(const AutomaticFacts& facts, const FailoverConfig& failover, const FailbackConfig& failback);

}  // namespace halfdoor
