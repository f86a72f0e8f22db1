// Refuses what could change data while writes do not pass, and everything in `closed` (design 1.7).
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

// In the chain only where writes do not pass.
class ReadOnlyFilter : public Filter {
 public:
  std::string_view name() const override { return "read_only"; }
  FilterHooks hooks(const ServiceConfig&, Mode mode) const override { return {!writes_pass(mode), false, false}; }
  std::optional<LocalReply> admit(const RequestContext& context, const RequestHead& head) override;
};

}  // namespace halfdoor
