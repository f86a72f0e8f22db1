// Which servers stood on which side of a service when halfdoor last started, so that sides that were swapped meanwhile
// are noticed: the latch says "backup", but not which hosts that means.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace halfdoor {

// state_dir/NAME.sides
std::string side_record_path(const std::string& state_dir, const std::string& service);

// The servers of `service` that the record of the last start has on the other side, each as "10.0.0.10:8080 (was
// primary, is backup)". Empty without a record, or with one that cannot be read. Blocking.
std::vector<std::string> servers_on_other_side(const std::string& path, const ServiceConfig& service);

// Replaces the record by what is configured now; writes nothing if it says so already. Blocking.
Status write_side_record(const std::string& path, const ServiceConfig& service);

}  // namespace halfdoor
