#include "base/memory_reserve.h"

#include <array>
#include <cstdlib>
#include <new>

namespace halfdoor {

namespace {

// As many failures in a row as it has pieces are survived; each is more than any single allocation of the data path.
constexpr size_t kPieceBytes = 256 << 10;
std::array<std::atomic<void*>, 128> reserve;

bool give_up_a_piece() {
  detail::memory_is_exhausted.store(true, std::memory_order_relaxed);
  for (std::atomic<void*>& slot : reserve) {
    if (void* const piece = slot.exchange(nullptr); piece != nullptr) {
      std::free(piece);
      return true;
    }
  }
  return false;
}

void on_failed_new() {
  // Without exceptions on the data path this ends the process; the supervisor restarts it in the latched mode.
  if (!give_up_a_piece()) throw std::bad_alloc();
}

}  // namespace

void set_memory_reserve_aside() {
  for (std::atomic<void*>& slot : reserve) {
    if (slot.load() == nullptr) slot.store(std::malloc(kPieceBytes));
  }
  std::set_new_handler(on_failed_new);
}

bool refill_memory_reserve() {
  if (!memory_is_exhausted()) return false;
  for (std::atomic<void*>& slot : reserve) {
    if (slot.load() != nullptr) continue;
    void* const piece = std::malloc(kPieceBytes);
    if (piece == nullptr) return true;
    slot.store(piece);
  }
  detail::memory_is_exhausted.store(false, std::memory_order_relaxed);
  return true;
}

void* allocate_or_use_reserve(size_t bytes) {
  void* memory = std::malloc(bytes);
  while (memory == nullptr && give_up_a_piece()) memory = std::malloc(bytes);
  return memory;
}

void* reallocate_or_use_reserve(void* memory, size_t bytes) {
  void* moved = nullptr;
  do {
    moved = std::realloc(memory, bytes);
  } while (moved == nullptr && bytes > 0 && give_up_a_piece());
  return moved;
}

}  // namespace halfdoor
