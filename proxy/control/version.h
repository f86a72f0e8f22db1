// The version of this program.
#pragma once

#include <string_view>

namespace halfdoor {

inline constexpr std::string_view kVersion = HALFDOOR_VERSION;

}  // namespace halfdoor
