// The second guard: whether a request may go to a side, judged again at the moment it is attached to a connection, with
// the worker's current snapshot. What it catches is a defect elsewhere; it is refused and counted.
#pragma once

#include "config/snapshot.h"
#include "exchange/body_inspection.h"
#include "http/head.h"

namespace halfdoor {

// `body`: what was found in the request's body, null if nobody looked.
bool second_guard_passes(const ServiceConfig& service, const ServiceState& state, Side side, const RequestHead& request,
                         const BodyFindings* body = nullptr);

}  // namespace halfdoor
