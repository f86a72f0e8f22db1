#include "config/health.h"

namespace halfdoor {

std::string_view to_text(Health health) {
  switch (health) {
    case Health::unknown: return "unknown";
    case Health::healthy: return "healthy";
    case Health::unhealthy: return "unhealthy";
  }
  return "unknown";
}

}  // namespace halfdoor
