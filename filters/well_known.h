// Answers GET /.well-known/halfdoor in every mode: {service, mode, read_only, since, until, epoch}. Only that exact
// spelling; any other goes the way of every request. /.well-known/halfdoor/events is not served yet: 501.
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

class WellKnownFilter : public Filter {
 public:
  std::string_view name() const override { return "well_known"; }
  FilterHooks hooks(const ServiceConfig&, Mode) const override { return {true, false, false}; }
  std::optional<LocalReply> admit(const RequestContext& context, const RequestHead& head) override;
};

}  // namespace halfdoor
