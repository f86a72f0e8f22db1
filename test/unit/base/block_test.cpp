#include "base/block.h"

#include <catch2/catch.hpp>
#include <vector>

namespace halfdoor {

TEST_CASE("a block goes back to its pool with the last reference") {
  BlockPool pool;
  BlockRef first(pool.take());
  CHECK(pool.in_use() == 1);
  CHECK(first.is_sole());
  BlockRef second = first;
  CHECK_FALSE(first.is_sole());
  BlockRef moved = std::move(first);
  CHECK(second->references == 2);
  second.reset();
  CHECK(moved.is_sole());
  CHECK(pool.in_use() == 1);
  moved = BlockRef();
  CHECK(pool.in_use() == 0);
  CHECK(pool.kept() == 1);
}

TEST_CASE("assigning a reference to itself keeps the block") {
  BlockPool pool;
  BlockRef ref(pool.take());
  BlockRef& same = ref;
  ref = same;
  CHECK(ref.is_sole());
  CHECK(pool.in_use() == 1);
}

TEST_CASE("the block given back last is taken first, empty again") {
  BlockPool pool;
  Block* const a = pool.take();
  Block* const b = pool.take();
  a->filled = b->filled = Block::kBytes;
  CHECK(a->space() == 0);
  pool.give_back(a);
  pool.give_back(b);
  Block* const again = pool.take();
  CHECK(again == b);
  CHECK(again->references == 1);
  CHECK(again->space() == Block::kBytes);
  CHECK(again->tail() == again->data);
  CHECK(pool.take() == a);
  CHECK(pool.kept() == 0);
  pool.give_back(a);
  pool.give_back(b);
}

TEST_CASE("a pool keeps a bounded number of free blocks") {
  BlockPool pool;
  std::vector<BlockRef> blocks;
  for (int i = 0; i < 1030; ++i) blocks.emplace_back(pool.take());
  CHECK(pool.in_use() == 1030);
  blocks.clear();
  CHECK(pool.in_use() == 0);
  CHECK(pool.kept() == 1024);
}

}  // namespace halfdoor
