// How often this executable has allocated.
#pragma once

#include <cstddef>

namespace halfdoor {

size_t allocation_count();

}  // namespace halfdoor
