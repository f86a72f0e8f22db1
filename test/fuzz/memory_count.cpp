// Counts what the thread has allocated: by the sanitizer's hooks where there is one, else in operator new.
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "fuzz/fuzz_target.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HALFDOOR_HAS_ALLOCATOR_HOOKS
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HALFDOOR_HAS_ALLOCATOR_HOOKS
#endif

#ifdef HALFDOOR_HAS_ALLOCATOR_HOOKS
// Of sanitizer/allocator_interface.h, which g++ does not install.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, size_t),
                                              void (*on_free)(const volatile void*));
size_t __sanitizer_get_allocated_size(const volatile void* memory);
}
#endif

namespace halfdoor::fuzz {

namespace {

thread_local size_t t_now = 0;
thread_local size_t t_peak = 0;

void count(size_t bytes) {
  t_now += bytes;
  if (t_now > t_peak) t_peak = t_now;
}

}  // namespace

size_t allocated_now() { return t_now; }
size_t allocated_peak() { return t_peak; }
void forget_peak() { t_peak = t_now; }

#ifdef HALFDOOR_HAS_ALLOCATOR_HOOKS
namespace {

const int g_installed =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, size_t bytes) { count(bytes); },
                                              [](const volatile void* memory) {
                                                if (memory != nullptr) t_now -= __sanitizer_get_allocated_size(memory);
                                              });

}  // namespace
#endif

}  // namespace halfdoor::fuzz

#ifndef HALFDOOR_HAS_ALLOCATOR_HOOKS

void* operator new(size_t bytes) {
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  halfdoor::fuzz::count(malloc_usable_size(memory));
  return memory;
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept {
  if (memory != nullptr) halfdoor::fuzz::t_now -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, size_t) noexcept { operator delete(memory); }

#endif
