// The operator's tool: one verb for one host, over the host's own /replication endpoints.
#pragma once

#include <cstdint>
#include <string>

#include "options.h"

namespace salon {

struct CtlOptions {
  std::string verb;  // promote, freeze, follow, status or caught-up
  Endpoint host;
  std::string secret;
  bool is_forced = false;
  std::int64_t wait_s = 0;  // caught-up: how long to ask again until it is true
};

// Prints what the host answered, as JSON. Exit status: 0 done or true, 2 refused or not true, 69 no answer.
int run_ctl(const CtlOptions& options);

}  // namespace salon
