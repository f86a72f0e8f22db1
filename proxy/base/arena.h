// A bump allocator for what lives exactly as long as one exchange: heads, rewritten fields, identifiers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace halfdoor {

// Belongs to one thread. Text stays valid until reset(); the first chunk is kept for the next use, so that a steady
// exchange allocates nothing.
class Arena {
 public:
  static constexpr size_t kFirstChunkBytes = 4096;

  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Never null; not initialised; aligned for char.
  char* allocate(size_t bytes) {
    if (bytes > left_) grow(bytes);
    char* at = at_;
    at_ += bytes;
    left_ -= bytes;
    return at;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* at = allocate(text.size());
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  std::string_view concat(std::initializer_list<std::string_view> parts) {
    size_t bytes = 0;
    for (std::string_view part : parts) bytes += part.size();
    char* const start = allocate(bytes);
    char* at = start;
    for (std::string_view part : parts) {
      if (!part.empty()) std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
    return {start, bytes};
  }
  void reset() {
    if (chunks_.empty()) return;
    if (chunks_.size() > 1) chunks_.resize(1);
    at_ = chunks_.front().get();
    left_ = kFirstChunkBytes;
  }

 private:
  void grow(size_t bytes) {
    // The first chunk always has the standard size, so that reset() can keep it.
    if (chunks_.empty()) add_chunk(kFirstChunkBytes);
    if (bytes > left_) add_chunk(bytes > kFirstChunkBytes ? bytes : kFirstChunkBytes);
  }
  void add_chunk(size_t bytes) {
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    at_ = chunks_.back().get();
    left_ = bytes;
  }

  std::vector<std::unique_ptr<char[]>> chunks_;
  char* at_ = nullptr;
  size_t left_ = 0;
};

}  // namespace halfdoor
