// What a peer can make us compute is in proportion to what it sends, also where every byte comes alone.
#include <time.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "http/body_reader.h"
#include "http/server_codec.h"

using namespace halfdoor;

namespace {

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

MessageLimits generous() {
  MessageLimits limits;
  limits.start_line = limits.head = limits.chunk_line = limits.chunk_extensions = 64 << 20;
  limits.fields = 1 << 20;
  return limits;
}

// The least of several runs, in CPU time of this thread: what others do on the machine does not count.
double cost(const std::string& message) {
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    Arena arena;
    RequestHead head;
    RequestReader reader(generous());
    reader.start(arena, head);
    const double began = cpu_seconds();
    ReadEvent event = ReadEvent::need_more;
    for (const char& c : message) {
      std::string_view one(&c, 1);
      while (!one.empty()) {
        event = reader.read(one);
        REQUIRE(event != ReadEvent::error);
      }
    }
    least = std::min(least, cpu_seconds() - began);
  }
  return least;
}

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("sixteen times the bytes, one at a time, are sixteen times the work and not the square of it") {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  struct Kind {
    std::string first, again;
  };
  const Kind kind = GENERATE_COPY(
      values<Kind>({{"GET /", "pppppppppppppppp"},
                    {get + "X: ", "vvvvvvvvvvvvvvvv"},
                    {get, "X-Field: v1234\r\n"},
                    {chunked + "5;name=", "vvvvvvvvvvvvvvvv"},
                    {chunked, "1;a=\"b;c\";d=e\r\nx\r\n"},
                    {chunked, "1\r\nx\r\n"},
                    {chunked + "0\r\nX: ", "vvvvvvvvvvvvvvvv"},
                    {chunked + "0\r\n", "X-Field: v1234\r\n"},
                    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", "bbbbbbbbbbbbbbbb"}}));
  constexpr size_t kSmall = 2'000;
  const double small = cost(kind.first + repeated(kind.again, kSmall));
  const double large = cost(kind.first + repeated(kind.again, 16 * kSmall));
  CAPTURE(kind.first, kind.again, small, large);
  CHECK(large < 64 * small);
}
