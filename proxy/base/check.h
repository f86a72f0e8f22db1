// Assertions for our own mistakes. They stay on in release; network input must never be able to trip one.
#pragma once

namespace halfdoor {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace halfdoor

#define HALFDOOR_CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::halfdoor::check_failed(#condition, __FILE__, __LINE__))
