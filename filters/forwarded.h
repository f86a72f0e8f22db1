// Tells the host who asked, by what name and how: X-Forwarded-For, -Host, -Port, -Proto and Forwarded (RFC 7239).
//
// From a trusted peer: the peer is appended to X-Forwarded-For and Forwarded; -Host, -Port and -Proto, which tell of
// the first hop, stay as they are and are added where they are missing. Forwarded is not begun behind an
// X-Forwarded-For, so that the two never name different clients. From anybody else: every X-Forwarded-* and Forwarded
// is removed, also in spellings that a host may take for them
// ("X_Forwarded_For"), and ours are set.
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

class ForwardedFilter : public Filter {
 public:
  std::string_view name() const override { return "forwarded"; }
  FilterHooks hooks(const ServiceConfig&, Mode) const override { return {false, true, false}; }
  void rewrite_request(const RequestContext& context, RequestHead& head) override;
};

}  // namespace halfdoor
