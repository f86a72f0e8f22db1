// ServerId: a server by its place in the configuration.
#pragma once

#include <cstdint>

#include "config/mode.h"

namespace halfdoor {

struct ServerId {
  uint16_t service = 0;
  Side side = Side::primary;
  uint16_t server = 0;
  bool operator==(const ServerId&) const = default;
};

}  // namespace halfdoor
