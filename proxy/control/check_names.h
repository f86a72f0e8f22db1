// `halfdoor check` for names: do the servers that are given by name have addresses here and now?
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace halfdoor {

// A line for every server whose name is not resolved within 3 s, or leads to the other side. Blocks; writes no log.
std::vector<std::string> find_unresolved_names(const std::shared_ptr<const Config>& config);

}  // namespace halfdoor
