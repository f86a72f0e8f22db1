// Which filters there are, their order, and which of them do something for a service in a mode.
#pragma once

#include <memory>
#include <vector>

#include "exchange/filter_chain.h"

namespace halfdoor {

// Every filter, in the order of the chain. One set per worker.
std::vector<std::unique_ptr<Filter>> make_filters();

// The hooks that are worth a call. The filters must outlive the chain.
FilterChain make_chain(const std::vector<std::unique_ptr<Filter>>& filters, const ServiceConfig& service, Mode mode);

}  // namespace halfdoor
