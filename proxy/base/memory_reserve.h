// What happens when the system has no memory left: a reserve is given back piece by piece, so that what is under way
// can end, and everybody who can do with less is told to.
#pragma once

#include <atomic>
#include <cstddef>

namespace halfdoor {

namespace detail {
inline std::atomic<bool> memory_is_exhausted{false};
}  // namespace detail

// An allocation has failed, and the reserve has not been filled up since. From any thread.
inline bool memory_is_exhausted() { return detail::memory_is_exhausted.load(std::memory_order_relaxed); }

// Sets the reserve aside and makes it what a failed `new` falls back on. Once, before threads are started.
void set_memory_reserve_aside();
// Takes back what was given up, if the system has it again: then memory_is_exhausted() is false. From one thread, now
// and then. Returns whether a piece had been given up since the last call.
bool refill_memory_reserve();

// malloc and realloc with the same fallback, for libraries that take such functions.
void* allocate_or_use_reserve(size_t bytes);
void* reallocate_or_use_reserve(void* memory, size_t bytes);

}  // namespace halfdoor
