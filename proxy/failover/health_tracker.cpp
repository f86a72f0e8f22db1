#include "failover/health_tracker.h"

#include <utility>

#include "base/check.h"

namespace halfdoor {

HealthTracker::HealthTracker(const HealthConfig& rules, SteadyTime start, double spread)
    : rules_(&rules), spread_(spread), due_(start) {}

void HealthTracker::begin(SteadyTime now) {
  HALFDOOR_CHECK(!is_checking_);
  is_checking_ = true;
  is_suspected_ = false;
  begun_ = now;
}

bool HealthTracker::end(bool passed, SteadyTime now) {
  HALFDOOR_CHECK(is_checking_);
  is_checking_ = false;
  const Health before = health_;
  const Health says = passed ? Health::healthy : Health::unhealthy;
  contradicting_ = says == health_ ? 0 : contradicting_ + 1;
  if (contradicting_ > 0 && (health_ == Health::unknown || contradicting_ >= (passed ? rules_->rise : rules_->fall))) {
    health_ = says;
    contradicting_ = 0;
  }
  plan(now, pause());
  return health_ != before;
}

void HealthTracker::repeat(SteadyTime now) {
  HALFDOOR_CHECK(is_checking_);
  is_checking_ = false;
  plan(now, fast());
}

void HealthTracker::suspect(SteadyTime now) {
  is_suspected_ = true;
  if (!is_checking_) due_ = std::min(due_, std::max(now, begun_ + least()));
}

Milliseconds HealthTracker::pause() {
  if (contradicting_ > 0) return fast();
  if (std::exchange(is_spread_, true)) return rules_->interval;
  return fast() + std::chrono::duration_cast<Milliseconds>((rules_->interval - fast()) * spread_);
}

void HealthTracker::plan(SteadyTime now, Milliseconds pause) {
  due_ = std::max(now, begun_ + (is_suspected_ ? least() : pause));
}

}  // namespace halfdoor
