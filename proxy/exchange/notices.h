// Notices: the answers that the data path gives itself when there is none of a host. Implemented in filters/.
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

class Notices {
 public:
  virtual ~Notices() = default;

  // What read-only and closed services answer.
  virtual LocalReply refuse(const RequestContext& context, const RequestHead& request) = 0;
  // 502, 503 or 504: no server answered. Nothing of the request has reached one, or it is safe to ask again.
  virtual LocalReply unreachable(const RequestContext& context, const RequestHead& request, int status) = 0;
  // 502 or 504: nobody knows whether this write was executed. Never says "send it again".
  virtual LocalReply uncertain(const RequestContext& context, const RequestHead& request, int status) = 0;
  // Small and plain: 400, 405, 408, 414, 417, 421, 431, 501, 503, 505. `what` is a literal for the body.
  virtual LocalReply plain(Arena& arena, int status, std::string_view what) = 0;
};

}  // namespace halfdoor
