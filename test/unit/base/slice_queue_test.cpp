#include "base/slice_queue.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <random>
#include <string>

namespace halfdoor {

namespace {

std::string gathered(const SliceQueue& queue, int most) {
  std::vector<iovec> entries(static_cast<size_t>(most));
  const int filled = queue.gather(entries.data(), most);
  REQUIRE(filled <= most);
  std::string text;
  for (int i = 0; i < filled; ++i) {
    CHECK(entries[static_cast<size_t>(i)].iov_len > 0);
    text.append(static_cast<const char*>(entries[static_cast<size_t>(i)].iov_base),
                entries[static_cast<size_t>(i)].iov_len);
  }
  return text;
}

// What the queue holds, without changing it.
std::string content(const SliceQueue& queue) { return gathered(queue, 4096); }

// `bytes` of text that differ by place, so that a mix-up shows.
std::string pattern(std::mt19937& random, size_t bytes) {
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>('!' + random() % 90);
  return text;
}

BlockRef filled_block(BlockPool& pool, std::string_view text) {
  BlockRef block(pool.take());
  std::memcpy(block->data, text.data(), text.size());
  block->filled = static_cast<uint32_t>(text.size());
  return block;
}

}  // namespace

TEST_CASE("small pieces are copied together, large ones are shared with their block") {
  BlockPool pool;
  std::mt19937 random(1);
  SliceQueue queue(pool);
  queue.append("GET / HTTP/1.1\r\n");
  queue.append("\r\n");
  CHECK(queue.front() == "GET / HTTP/1.1\r\n\r\n");
  const std::string large = pattern(random, 5'000);
  {
    const BlockRef block = filled_block(pool, large);
    queue.append({block->data, large.size()}, block);
    queue.append({block->data, SliceQueue::kCopyBelowBytes - 1}, block);
    std::array<iovec, 4> entries{};
    REQUIRE(queue.gather(entries.data(), 4) == 3);
    CHECK(entries[1].iov_base == block->data);
    CHECK(entries[2].iov_base != block->data);
  }
  CHECK(content(queue) == "GET / HTTP/1.1\r\n\r\n" + large + large.substr(0, SliceQueue::kCopyBelowBytes - 1));
  queue.clear();
  CHECK(queue.empty());
  CHECK(pool.in_use() == 0);
}

TEST_CASE("what is appended behind a shared slice never writes into its block") {
  BlockPool pool;
  SliceQueue queue(pool);
  const std::string large(3'000, 'a');
  const BlockRef block = filled_block(pool, large);
  queue.append({block->data, large.size()}, block);
  queue.append("bbb");
  CHECK(block->filled == 3'000);
  CHECK(content(queue) == large + "bbb");
}

TEST_CASE("reading in place: reserve and commit") {
  BlockPool pool;
  SliceQueue queue(pool);
  queue.append("ab");
  char* const room = queue.reserve(10);
  std::memcpy(room, "cdef", 4);
  queue.commit(4);
  CHECK(queue.front() == "abcdef");
  std::memset(queue.reserve(Block::kBytes), 'x', Block::kBytes);
  queue.commit(Block::kBytes);
  CHECK(queue.size() == 6 + Block::kBytes);
  CHECK(content(queue) == "abcdef" + std::string(Block::kBytes, 'x'));
}

TEST_CASE("a reservation that came to nothing leaves nothing behind") {
  BlockPool pool;
  SliceQueue queue(pool), other(pool);
  queue.reserve(100);
  queue.commit(0);
  CHECK(queue.empty());
  CHECK(pool.in_use() == 0);
  CHECK(content(queue).empty());

  const std::string large(3'000, 'a');
  const BlockRef block = filled_block(pool, large);
  const bool commits = GENERATE(true, false);
  queue.reserve(100);
  if (commits) queue.commit(0);
  queue.append({block->data, large.size()}, block);
  CHECK(queue.front() == large);
  CHECK(content(queue) == large);
  queue.reserve(100);
  if (commits) queue.commit(0);
  CHECK(content(queue) == large);
  CHECK(other.move_from(queue, 1 << 20) == large.size());
  CHECK(content(other) == large);
  CHECK(queue.empty());
  CHECK(other.move_from(queue, 1 << 20) == 0);
}

TEST_CASE("an emptied queue holds no block") {
  BlockPool pool;
  SliceQueue queue(pool);
  queue.append(std::string(100'000, 'x'));
  CHECK(pool.in_use() == 7);
  queue.consume(99'999);
  CHECK(pool.in_use() == 1);
  queue.consume(1);
  CHECK(queue.empty());
  CHECK(queue.front().empty());
  CHECK(pool.in_use() == 0);
}

TEST_CASE("gather describes the first slices, as many as asked for") {
  BlockPool pool;
  SliceQueue queue(pool);
  const std::string text(3 * Block::kBytes, 'x');
  queue.append(text);
  CHECK(gathered(queue, 1).size() == Block::kBytes);
  CHECK(gathered(queue, 2).size() == 2 * Block::kBytes);
  CHECK(gathered(queue, 9) == text);
}

TEST_CASE("what was taken for an attempt and is put back stands in front again") {
  BlockPool pool;
  std::mt19937 random(2);
  SliceQueue waiting(pool), sent(pool), restored(pool);
  const std::string text = pattern(random, 50'000);
  waiting.append(text);
  CHECK(sent.move_from(waiting, 20'000) == 20'000);
  CHECK(content(sent) == text.substr(0, 20'000));
  CHECK(content(waiting) == text.substr(20'000));
  restored.move_from(sent, SIZE_MAX);
  restored.move_from(waiting, SIZE_MAX);
  CHECK(content(restored) == text);
  CHECK(sent.empty());
  CHECK(waiting.empty());
}

TEST_CASE("a copy goes on when the original is consumed") {
  BlockPool pool;
  std::mt19937 random(4);
  SliceQueue original(pool), copy(pool);
  const std::string text = pattern(random, 40'000);
  original.append(text);
  copy.copy_from(original, 30'000);
  CHECK(content(original) == text);
  original.append("behind");
  original.clear();
  CHECK(content(copy) == text.substr(0, 30'000));
}

// Three queues over one pool, so that blocks are shared in every way; each against a string.
TEST_CASE("random operations agree with a string") {
  const unsigned seed = GENERATE(range(0U, 20U));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  BlockPool pool;
  {
    struct Pair {
      explicit Pair(BlockPool& of) : queue(of) {}
      SliceQueue queue;
      std::string model;
    };
    std::array<Pair, 3> pairs{Pair{pool}, Pair{pool}, Pair{pool}};
    const auto some = [&](size_t most) { return static_cast<size_t>(random() % (random() % 2 == 0 ? most : 64) + 1); };
    for (int step = 0; step < 400; ++step) {
      Pair& to = pairs[random() % 3];
      Pair& from = pairs[random() % 3];
      switch (random() % 8) {
        case 0: {
          const std::string text = pattern(random, some(40'000));
          to.queue.append(text);
          to.model += text;
          break;
        }
        case 1: {
          const std::string text = pattern(random, some(Block::kBytes));
          const BlockRef block = filled_block(pool, text);
          const size_t start = random() % text.size();
          to.queue.append({block->data + start, text.size() - start}, block);
          to.model += text.substr(start);
          break;
        }
        case 2: {
          const size_t room = some(Block::kBytes);
          const std::string text = pattern(random, random() % (room + 1));
          std::memcpy(to.queue.reserve(room), text.data(), text.size());
          if (!text.empty() || random() % 2 == 0) to.queue.commit(text.size());
          to.model += text;
          break;
        }
        case 3: {
          if (&to == &from) break;
          const size_t most = some(60'000);
          const size_t moved = to.queue.move_from(from.queue, most);
          REQUIRE(moved == std::min(most, from.model.size()));
          to.model += from.model.substr(0, moved);
          from.model.erase(0, moved);
          break;
        }
        case 4: {
          if (&to == &from || to.model.size() > 400'000) break;
          const size_t most = some(60'000);
          to.queue.copy_from(from.queue, most);
          to.model += from.model.substr(0, most);
          break;
        }
        case 5:
        case 6: {
          const size_t bytes = std::min(some(60'000), to.model.size());
          to.queue.consume(bytes);
          to.model.erase(0, bytes);
          break;
        }
        default: {
          if (random() % 10 == 0) {
            to.queue.clear();
            to.model.clear();
          }
        }
      }
      for (Pair& pair : pairs) {
        REQUIRE(pair.queue.size() == pair.model.size());
        REQUIRE(pair.queue.empty() == pair.model.empty());
        REQUIRE(pair.queue.front() == pair.model.substr(0, pair.queue.front().size()));
        REQUIRE(pair.queue.front().empty() == pair.model.empty());
      }
      REQUIRE(content(to.queue) == to.model);
      REQUIRE(content(from.queue) == from.model);
    }
  }
  CHECK(pool.in_use() == 0);
}

}  // namespace halfdoor
