// Names the proxy to the host (RFC 9110 7.6.3). Requests only: a response's Via is optional for a gateway, and would
// tell clients what they need not know.
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

class ViaFilter : public Filter {
 public:
  std::string_view name() const override { return "via"; }
  FilterHooks hooks(const ServiceConfig&, Mode) const override { return {false, true, false}; }
  void rewrite_request(const RequestContext& context, RequestHead& head) override;
};

}  // namespace halfdoor
