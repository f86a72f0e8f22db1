#include "test/unit/filters/allocation_count.h"

#include <cstdlib>
#include <new>

namespace {

size_t allocations = 0;

}  // namespace

// In a file of their own: where the compiler sees both sides of a pair inlined, it takes malloc and free for a
// mismatch.
void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace halfdoor {

size_t allocation_count() { return allocations; }

}  // namespace halfdoor
