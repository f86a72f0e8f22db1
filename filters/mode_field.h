// Says in which mode an answer was made: Halfdoor-Mode wherever the mode is not `primary`, Halfdoor-Served-By on
// fallback reads. A host's own fields of these names are removed in every mode.
#pragma once

#include "exchange/filter.h"

namespace halfdoor {

class ModeFieldFilter : public Filter {
 public:
  std::string_view name() const override { return "mode_field"; }
  FilterHooks hooks(const ServiceConfig&, Mode) const override { return {false, false, true}; }
  void rewrite_response(const RequestContext& context, ResponseHead& head) override;
};

}  // namespace halfdoor
