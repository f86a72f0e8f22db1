// Gives the request its name everywhere: X-Request-Id towards the host and on the response. The exchange chooses it
// (a trusted peer's own, else a new one); whatever else came under that name is replaced.
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

class RequestIdFilter : public Filter {
 public:
  std::string_view name() const override { return "request_id"; }
  FilterHooks hooks(const ServiceConfig&, Mode) const override { return {false, true, true}; }
  void rewrite_request(const RequestContext& context, RequestHead& head) override;
  void rewrite_response(const RequestContext& context, ResponseHead& head) override;
};

}  // namespace halfdoor
