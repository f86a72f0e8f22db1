#include "filters/chain.h"

#include "filters/forwarded.h"
#include "filters/mode_field.h"
#include "filters/read_only.h"
#include "filters/request_id.h"
#include "filters/via.h"
#include "filters/well_known.h"

namespace halfdoor {

std::vector<std::unique_ptr<Filter>> make_filters() {
  std::vector<std::unique_ptr<Filter>> filters;
  // Before read_only, because it answers in `closed` too.
  filters.push_back(std::make_unique<WellKnownFilter>());
  filters.push_back(std::make_unique<ReadOnlyFilter>());
  filters.push_back(std::make_unique<ForwardedFilter>());
  filters.push_back(std::make_unique<RequestIdFilter>());
  filters.push_back(std::make_unique<ViaFilter>());
  filters.push_back(std::make_unique<ModeFieldFilter>());
  return filters;
}

FilterChain make_chain(const std::vector<std::unique_ptr<Filter>>& filters, const ServiceConfig& service, Mode mode) {
  FilterChain chain;
  for (const std::unique_ptr<Filter>& filter : filters) {
    const FilterHooks hooks = filter->hooks(service, mode);
    if (hooks.admit) chain.admit.push_back(filter.get());
    if (hooks.rewrite_request) chain.rewrite_request.push_back(filter.get());
    if (hooks.rewrite_response) chain.rewrite_response.push_back(filter.get());
  }
  return chain;
}

}  // namespace halfdoor
