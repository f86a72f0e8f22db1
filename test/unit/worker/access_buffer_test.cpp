// The way of lines from a worker to the writer: in order, in bulk, dropped whole and counted where there is no room.
#include "worker/access_buffer.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

using namespace halfdoor;

namespace {

struct Way {
  std::shared_ptr<AccessQueue> queue = std::make_shared<AccessQueue>();
  int wakes = 0;
  int urgent = 0;
  int complaints = 0;
  RequestHead request;
  AccessRecord record;
  std::unique_ptr<AccessBuffer> log;
  uint64_t lines = 0;

  Way() {
    record.client = "192.0.2.1";
    record.request = &request;
    request.method = "GET";
    log = std::make_unique<AccessBuffer>(queue, AccessFormat::combined,
                                         AccessBuffer::Calls{[this](bool is_urgent) {
                                                               ++wakes;
                                                               urgent += is_urgent ? 1 : 0;
                                                             },
                                                             [this](int64_t) { ++complaints; }});
  }
  void write(size_t target_bytes = 1) {
    const std::string target = "/" + std::to_string(lines++) + "/" + std::string(target_bytes, 'x');
    request.target = target;
    log->write(record);
  }
};

size_t count_lines(std::string_view text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("a line is handed over after a moment, not at once and not never") {
  Way way;
  way.write();
  way.log->end_turn(1'000);
  CHECK(way.queue->take_full() == nullptr);
  way.log->end_turn(1'000 + AccessBuffer::kMostAgeMs - 1);
  CHECK(way.queue->take_full() == nullptr);
  way.log->end_turn(1'000 + AccessBuffer::kMostAgeMs);
  AccessQueue::Buffer* const buffer = way.queue->take_full();
  REQUIRE(buffer != nullptr);
  CHECK(buffer->lines == 1);
  CHECK(buffer->text().ends_with("\n"));
  CHECK(way.wakes == 1);
  way.log->end_turn(5'000);
  CHECK(way.wakes == 1);
}

TEST_CASE("the age of a buffer begins anew with its first line") {
  Way way;
  way.write();
  way.log->end_turn(1'000);
  way.log->end_turn(1'100);
  way.write();
  way.log->end_turn(9'000);
  CHECK(way.wakes == 1);
  way.log->end_turn(9'100);
  CHECK(way.wakes == 2);
}

TEST_CASE("a buffer that is full enough is handed over at the end of the turn") {
  Way other;
  other.write(1000);
  other.log.reset();
  const size_t line_bytes = other.queue->take_full()->used;
  Way way;
  while (way.lines * line_bytes < AccessBuffer::kFullBytes) way.write(1000);
  CHECK(way.wakes == 0);
  way.log->end_turn(1'000);
  CHECK(way.wakes == 1);
  CHECK(way.queue->take_full()->lines == way.lines);
}

TEST_CASE("a turn with more lines than a buffer holds goes on in the next one, and no line is cut") {
  Way way;
  for (int i = 0; i < 200; ++i) way.write(7000);
  way.log->end_turn(1'000);
  way.log.reset();
  size_t lines = 0;
  while (AccessQueue::Buffer* buffer = way.queue->take_full()) {
    CHECK(buffer->used <= AccessQueue::Buffer::kBytes);
    CHECK(buffer->text().ends_with("\n"));
    CHECK(count_lines(buffer->text()) == buffer->lines);
    lines += buffer->lines;
  }
  CHECK(lines == 200);
  CHECK(way.queue->dropped() == 0);
}

TEST_CASE("without room lines are dropped whole and counted, one complaint a turn, and it goes on when there is room") {
  Way way;
  while (way.queue->dropped() == 0 && way.lines < 10'000) way.write(7000);
  way.write(7000);
  way.write(7000);
  CHECK(way.queue->dropped() == 3);
  CHECK(way.wakes == AccessQueue::kBuffers);
  way.log->end_turn(1'000);
  way.log->end_turn(1'001);
  CHECK(way.complaints == 1);

  AccessQueue::Buffer* const oldest = way.queue->take_full();
  CHECK(oldest->text().find("/0/") != std::string_view::npos);
  size_t lines = oldest->lines;
  way.queue->give_back(oldest);
  way.write(1);
  CHECK(way.queue->dropped() == 3);
  way.log.reset();
  std::string last;
  while (AccessQueue::Buffer* buffer = way.queue->take_full()) {
    lines += buffer->lines;
    last = buffer->text();
  }
  CHECK(lines == way.lines - 3);
  CHECK(count_lines(last) == 1);
  CHECK(last.find("/" + std::to_string(way.lines - 1) + "/") != std::string::npos);
}

TEST_CASE("it becomes urgent when a quarter of the buffers are on their way, and stops to be when they come back") {
  Way way;
  auto hand_over_one = [&, now_ms = int64_t{0}]() mutable {
    way.write();
    way.log->end_turn(now_ms += 1'000);
    way.log->end_turn(now_ms += 1'000);
  };
  for (size_t i = 0; i < AccessQueue::kBuffers / 4; ++i) hand_over_one();
  CHECK(way.urgent == 0);
  hand_over_one();
  CHECK(way.urgent == 1);
  while (AccessQueue::Buffer* buffer = way.queue->take_full()) way.queue->give_back(buffer);
  CHECK_FALSE(way.queue->has_full());
  hand_over_one();
  CHECK(way.urgent == 1);
  CHECK(way.queue->has_full());
}

TEST_CASE("as long as the writer keeps up, the same memory is used again and again") {
  Way way;
  const AccessQueue::Buffer* first = nullptr;
  for (int i = 0; i < 1000; ++i) {
    way.write();
    way.log->end_turn(i * 1'000);
    way.log->end_turn(i * 1'000 + 500);
    AccessQueue::Buffer* const buffer = way.queue->take_full();
    REQUIRE(buffer != nullptr);
    if (first == nullptr) first = buffer;
    CHECK(buffer == first);
    way.queue->give_back(buffer);
  }
}

TEST_CASE("what a worker writes and what its writer gets is the same, in order, on two threads") {
  constexpr uint64_t kLines = 100'000;
  Way way;
  std::atomic<bool> has_ended{false};
  uint64_t got = 0, last = 0;
  bool in_order = true;
  std::thread writer([&] {
    const auto read = [&](std::string_view text) {
      while (!text.empty()) {
        const size_t end = text.find('\n');
        const size_t at = text.find(" /") + 2;
        const uint64_t number = std::strtoull(text.data() + at, nullptr, 10);
        in_order = in_order && (got == 0 || number > last);
        last = number;
        ++got;
        text.remove_prefix(end + 1);
      }
    };
    while (true) {
      const bool is_last = has_ended.load(std::memory_order_acquire);
      while (AccessQueue::Buffer* buffer = way.queue->take_full()) {
        read(buffer->text());
        way.queue->give_back(buffer);
      }
      if (is_last) return;
      std::this_thread::yield();
    }
  });
  for (uint64_t i = 0; i < kLines; ++i) {
    way.write();
    if (i % 16 == 0) way.log->end_turn(static_cast<int64_t>(i));
  }
  way.log.reset();
  has_ended.store(true, std::memory_order_release);
  writer.join();
  CHECK(in_order);
  CHECK(got + way.queue->dropped() == kLines);
  CHECK(got > 0);
}
