#include "control/change.h"

#include <algorithm>

#include "base/check.h"

namespace halfdoor {

SteadyTime RunningChange::deadline() const {
  const bool at_applied = request.wait.count() == 0;
  // --wait 0s answers when it is applied; a worker that is stuck must not keep the caller for ever.
  const SteadyTime wanted = arrived + (at_applied ? kNotSafeAfter : request.wait);
  if (generation == 0) return wanted;
  // Judging may have taken longer than the wait; then the workers get a moment all the same.
  return std::max(wanted, published_at + (at_applied ? kNotSafeAfter : kFencedMessageLag));
}

void RunningChange::move_to(ChangePhase next_phase) {
  using enum ChangePhase;
  const auto may = [this](std::initializer_list<ChangePhase> before) {
    return std::find(before.begin(), before.end(), phase) != before.end();
  };
  switch (next_phase) {
    case waiting: HALFDOOR_CHECK(may({asking, draining})); break;
    case asking: HALFDOOR_CHECK(may({waiting})); break;
    case latching: HALFDOOR_CHECK(may({waiting})); break;
    case applying: HALFDOOR_CHECK(may({latching})); break;
    case draining: HALFDOOR_CHECK(may({waiting, applying})); break;
  }
  phase = next_phase;
}

}  // namespace halfdoor
