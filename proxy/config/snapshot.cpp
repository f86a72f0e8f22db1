#include "config/snapshot.h"

#include <fmt/format.h>

namespace halfdoor {

std::string make_mode_field(Mode mode, uint64_t epoch) { return fmt::format("{}; epoch={}", to_text(mode), epoch); }

}  // namespace halfdoor
