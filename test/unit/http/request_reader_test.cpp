// RequestReader: one request after the other, whatever the pieces.
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {

TEST_CASE("reads pipelined requests one at a time, in order") {
  const std::string text =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n0\r\n\r\n\r\nDELETE /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxyGET /4";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    Arena arena;
    RequestHead head;
    RequestReader reader(MessageLimits{});
    reader.start(arena, head);
    std::string log;
    for (size_t at = 0; at < text.size(); at += piece) {
      std::string_view input = std::string_view(text).substr(at, piece);
      while (true) {
        const ReadEvent event = reader.read(input);
        REQUIRE(event != ReadEvent::error);
        if (event == ReadEvent::need_more) break;
        if (event == ReadEvent::head) log += std::string(head.method) + std::string(head.target) + " ";
        if (event == ReadEvent::body) log += reader.body();
        if (event != ReadEvent::end) continue;
        log += ";";
        arena.reset();
        reader.start(arena, head);
      }
    }
    INFO("pieces of " << piece);
    REQUIRE(log == "GET/1 ;POST/2 abc;DELETE/3 xy;");
    REQUIRE(reader.has_begun());
  }
}

TEST_CASE("one empty line before a request counts for nothing") {
  Arena arena;
  RequestHead head;
  RequestReader reader(MessageLimits{});
  reader.start(arena, head);
  CHECK_FALSE(reader.has_begun());
  for (std::string_view piece : {"", "\r", "\n"}) {
    CHECK(reader.read(piece) == ReadEvent::need_more);
    CHECK_FALSE(reader.has_begun());
  }
  std::string_view first = "G";
  CHECK(reader.read(first) == ReadEvent::need_more);
  CHECK(reader.has_begun());
  CHECK(request("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").heads.find("GET / 1.1") == 0);
  CHECK(request("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
}

TEST_CASE("starts afresh after a request") {
  Arena arena;
  RequestHead head;
  RequestReader reader(MessageLimits{});
  reader.start(arena, head);
  std::string_view first =
      "POST http://x/?q HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nTE: trailers\r\nUpgrade: "
      "websocket\r\nContent-Length: 1\r\n\r\nx";
  REQUIRE(reader.read(first) == ReadEvent::head);
  REQUIRE(reader.read(first) == ReadEvent::body);
  REQUIRE(reader.read(first) == ReadEvent::end);
  REQUIRE(reader.read(first) == ReadEvent::end);
  arena.reset();
  reader.start(arena, head);
  std::string_view second = "GET /y HTTP/1.1\r\nHost: a\r\n\r\n";
  REQUIRE(reader.read(second) == ReadEvent::head);
  const std::string after = describe(head);
  CHECK(after == observe_request({"GET /y HTTP/1.1\r\nHost: a\r\n\r\n"}).heads);
}

TEST_CASE("an error is final until the next start") {
  Arena arena;
  RequestHead head;
  RequestReader reader(MessageLimits{});
  reader.start(arena, head);
  std::string_view bad = "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  REQUIRE(reader.read(bad) == ReadEvent::error);
  REQUIRE(reader.read(bad) == ReadEvent::error);
  CHECK(reader.error().status == 400);
  reader.start(arena, head);
  std::string_view good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(reader.read(good) == ReadEvent::head);
}

TEST_CASE("does not wait for the end of a head that is already wrong") {
  CHECK(observe_request({"GET / HTTP/1.1\r\nHost: a\n"}).status == 400);
  CHECK(observe_request({std::string_view("\0", 1)}).status == 400);
  CHECK(observe_request({"\x16\x03"}).status == 400);
}

}  // namespace halfdoor::test
