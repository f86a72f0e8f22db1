#include "exchange/second_guard.h"

#include "exchange/read_only.h"

namespace halfdoor {

bool second_guard_passes(const ServiceConfig& service, const ServiceState& state, Side side, const RequestHead& request,
                         const BodyFindings* body) {
  const bool serves = serving_side(state.mode) == side;
  switch (passes_read_only(request, service.read_only, body).verdict) {
    case ReadOnlyVerdict::refused:
      return (side == Side::primary && state.mode == Mode::primary) ||
             (side == Side::backup && state.mode == Mode::backup_writable);
    case ReadOnlyVerdict::passes_by_rule: return serves;
    case ReadOnlyVerdict::passes:
      return serves || (side == Side::backup && may_fall_back(state.mode, state.diverged) &&
                        may_be_resent(request, service.read_only));
  }
  return false;
}

}  // namespace halfdoor
