// HealthTracker: what the results of the checks of one server say of it, and when the next check is due. Pure.
#pragma once

#include <algorithm>

#include "base/text.h"
#include "config/config.h"
#include "config/health.h"

namespace halfdoor {

// Live traffic that meets errors never has a server checked more often than this, begin to begin.
inline constexpr Milliseconds kLeastBetweenChecks{100};

// unknown --the first result decides alone--> healthy --`fall` failed in a row--> unhealthy --`rise` passed in a row-->
// healthy. Results are those of checks alone; what live traffic meets only brings the next check forward.
//
// From begin to begin of two checks passes `interval`. While the latest results contradict `health` it is a quarter of
// that, but not less than kLeastBetweenChecks, so that a change is noticed early and a steady server is left in peace.
class HealthTracker {
 public:
  // The first check is due at once. `spread`, from 0 to below 1, shortens the pause behind it, so that the checks of
  // many servers do not come in step for ever. `rules` outlive it.
  HealthTracker(const HealthConfig& rules, SteadyTime start, double spread);

  Health health() const { return health_; }
  bool is_checking() const { return is_checking_; }
  // When the next check is due, if none is in flight.
  SteadyTime due() const { return due_; }

  // Only when none is in flight.
  void begin(SteadyTime now);
  // The check in flight ended. True: health has changed.
  bool end(bool passed, SteadyTime now);
  // The check in flight says nothing about the server: it does not count, and is made again.
  void repeat(SteadyTime now);
  // Live traffic met an error or silence: the next check comes as soon as it may; one in flight is not doubled.
  void suspect(SteadyTime now);

 private:
  Milliseconds least() const { return std::min(kLeastBetweenChecks, rules_->interval); }
  Milliseconds fast() const { return std::clamp(rules_->interval / 4, least(), rules_->interval); }
  Milliseconds pause();
  void plan(SteadyTime now, Milliseconds pause);

  const HealthConfig* rules_;
  double spread_;
  Health health_ = Health::unknown;
  bool is_checking_ = false;
  bool is_suspected_ = false;
  bool is_spread_ = false;  // the one shorter pause has been
  int contradicting_ = 0;   // results in a row that speak against `health_`
  SteadyTime begun_{};      // the newest check
  SteadyTime due_;
};

}  // namespace halfdoor
