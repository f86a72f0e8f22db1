#include "base/arena.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace halfdoor {

TEST_CASE("texts in an arena stay as they are until it is reset") {
  Arena arena;
  std::mt19937 random(3);
  for (int round = 0; round < 5; ++round) {
    std::vector<std::pair<std::string, std::string_view>> kept;
    for (int i = 0; i < 300; ++i) {
      const size_t bytes = i % 50 == 49 ? 3 * Arena::kFirstChunkBytes + random() % 100 : random() % 200;
      std::string text(bytes, static_cast<char>('a' + i % 26));
      const std::string_view copy = arena.copy(text);
      kept.emplace_back(std::move(text), copy);
    }
    for (const auto& [text, copy] : kept) REQUIRE(copy == text);
    arena.reset();
  }
}

TEST_CASE("concat joins its parts, empty ones too") {
  Arena arena;
  CHECK(arena.concat({"GET", "", " ", "/x"}) == "GET /x");
  CHECK(arena.concat({}).empty());
  CHECK(arena.copy("").empty());
}

TEST_CASE("a reset arena uses its first chunk again") {
  Arena arena;
  const char* const first = arena.allocate(10);
  arena.allocate(Arena::kFirstChunkBytes);
  arena.allocate(10 * Arena::kFirstChunkBytes);
  arena.reset();
  CHECK(arena.allocate(Arena::kFirstChunkBytes) == first);
  // It is full now, and what follows is elsewhere.
  const char* const next = arena.allocate(1);
  CHECK((next < first || next >= first + Arena::kFirstChunkBytes));
}

TEST_CASE("an arena that begins with a large text keeps a standard chunk, not the large one") {
  Arena arena;
  char* const large = arena.allocate(100 * Arena::kFirstChunkBytes);
  large[100 * Arena::kFirstChunkBytes - 1] = 'x';
  arena.reset();
  char* const first = arena.allocate(Arena::kFirstChunkBytes);
  CHECK(first != large);
  first[Arena::kFirstChunkBytes - 1] = 'x';
  arena.reset();
  CHECK(arena.allocate(1) == first);
}

TEST_CASE("an arena that was never used may be reset") {
  Arena arena;
  arena.reset();
  CHECK(arena.copy("x") == "x");
}

}  // namespace halfdoor
