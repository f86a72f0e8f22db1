// FilterChain: the filters that do something for one service in one mode, hook by hook.
#pragma once

#include <vector>

#include "exchange/filter.h"

namespace halfdoor {

// Pointers into the filters of the worker, in the order in which they are called. Made once per service and mode.
struct FilterChain {
  std::vector<Filter*> admit;
  std::vector<Filter*> rewrite_request;
  std::vector<Filter*> rewrite_response;
};

}  // namespace halfdoor
