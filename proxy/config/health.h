// Health: what the checks say of a server. Plain data.
#pragma once

#include <cstdint>
#include <string_view>

namespace halfdoor {

enum class Health : uint8_t {
  unknown,  // no check has been answered or missed yet: serves traffic, counts for nothing
  healthy,
  unhealthy,
};

std::string_view to_text(Health health);

}  // namespace halfdoor
