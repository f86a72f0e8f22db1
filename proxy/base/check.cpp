#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace halfdoor {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "halfdoor: internal error: %s does not hold at %s:%d\n", condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace halfdoor
