// Responses of a server: status lines, framing, interim responses, and where a connection may be used again
// (RFC 9112 4 and 6; robustness.md, "Responses from a server").
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {
namespace {

constexpr std::string_view kNext = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
constexpr ResponseSetting kClosing{false, false, true};

Observation with_line(std::string_view line) { return response(std::string(line) + "\r\nContent-Length: 0\r\n\r\n"); }
Observation ok(std::string_view fields, std::string_view body, ResponseSetting setting = {}) {
  return response("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n\r\n" + std::string(body), setting);
}
bool says(const Observation& seen, std::string_view text) { return seen.heads.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("reads status lines") {
  CHECK(says(with_line("HTTP/1.1 200 OK"), "1.1 200 OK\n"));
  CHECK(says(with_line("HTTP/1.0 404 Not  Found here"), "1.0 404 Not  Found here\n"));
  CHECK(says(with_line("HTTP/1.1 200 "), "1.1 200 \n"));
  CHECK(says(with_line("HTTP/1.1 200"), "1.1 200 \n"));
  CHECK(says(with_line("HTTP/1.1 599 gr\xc3\xbc\xc3\x9f\tGott"), "599 gr\xc3\xbc\xc3\x9f\tGott\n"));
  CHECK(says(with_line("HTTP/1.5 200 OK"), "1.1 200 OK\n"));
}

TEST_CASE("refuses status lines that are none") {
  for (const char* line : {"HTTP/1.1",
                           "HTTP/1.1 ",
                           "HTTP/1.1 20",
                           "HTTP/1.1 2000",
                           "HTTP/1.1 2000 OK",
                           "HTTP/1.1 099 x",
                           "HTTP/1.1 600 x",
                           "HTTP/1.1 999 x",
                           "HTTP/1.1 000 x",
                           "HTTP/1.1  200 OK",
                           "HTTP/1.1\t200 OK",
                           "HTTP/1.1 2x0 OK",
                           "HTTP/1.1 -20 OK",
                           "HTTP/1.1 +20 OK",
                           "HTTP/1.1 200OK",
                           "HTTP/1.1 200\tOK",
                           "HTTP/1 200 OK",
                           "HTTP/2.0 200 OK",
                           "HTTP/0.9 200 OK",
                           "http/1.1 200 OK",
                           "HTTP/01.1 200 OK",
                           "ICY 200 OK",
                           "",
                           "200 OK",
                           " HTTP/1.1 200 OK",
                           "<html>"}) {
    INFO(line);
    CHECK(with_line(line).status == 502);
  }
  CHECK(response("HTTP/1.1 200 O\x01K\r\n\r\n").status == 502);
  CHECK(response("HTTP/1.1 200 O\nK\r\n\r\n").status == 502);
  CHECK(response("HTTP/1.1 200 OK\n\n").status == 502);
  CHECK(response(std::string("HTTP/1.1 200 O\0K\r\n\r\n", 20)).status == 502);
}

TEST_CASE("refuses bad fields") {
  for (const char* fields : {" X: 1", "X : 1", ": 1", "X", "X: 1\r\n folded", "X\xe9: 1", "X: a\x01", "X: a\x7f",
                             "X: a\rb", "X: a\nb", "(X): 1"}) {
    CHECK(ok(fields, "").status == 502);
  }
  CHECK(ok("X: caf\xc3\xa9\r\nContent-Length: 0", "").end == "end");
  CHECK(ok("Content_Length: 5\r\nContent-Length: 0", "").end == "end");
}

TEST_CASE("reads a body of known length and gives nothing behind it to the next request") {
  const Observation seen = ok("Content-Length: 5", "hello" + std::string(kNext));
  CHECK(seen.body == "hello");
  CHECK(seen.end == "end");
  CHECK(seen.rest == kNext);
}

TEST_CASE("reads a chunked body") {
  const Observation seen = ok("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n" + std::string(kNext));
  CHECK(seen.body == "hello");
  CHECK(seen.end == "end");
  CHECK(seen.rest == kNext);
  CHECK(ok("Transfer-Encoding: chunked", "5\r\nhelloX\r\n0\r\n\r\n").status == 502);
}

TEST_CASE("reads up to the close where nothing else says how long") {
  const Observation seen = ok("X: 1", "hello" + std::string(kNext), kClosing);
  CHECK(seen.body == "hello" + std::string(kNext));
  CHECK(seen.end == "end by close");
  CHECK(says(seen, "keep_alive false"));
  CHECK(ok("X: 1", "", kClosing).end == "end by close");
  CHECK(ok("X: 1", "hello").end == "need more");
}

TEST_CASE("refuses every ambiguous framing") {
  for (const char* fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5,5",
        "Content-Length: +5", "Content-Length: -5", "Content-Length: 5a",
        "Content-Length:", "Content-Length: 9223372036854775808", "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: xchunked"}) {
    INFO(fields);
    CHECK(ok(fields, "0\r\n\r\n").status == 502);
    CHECK(ok(fields, "", {true, false, false}).status == 502);
  }
  CHECK(response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status == 502);
}

TEST_CASE("gives no body to HEAD, 204 and 304 whatever their fields say") {
  const Observation head = ok("Content-Length: 43", kNext, {true, false, false});
  CHECK(head.body.empty());
  CHECK(head.end == "end");
  CHECK(head.rest == kNext);
  CHECK(says(head, "framing none 43 true"));
  CHECK(ok("Transfer-Encoding: chunked", kNext, {true, false, false}).rest == kNext);
  CHECK(ok("X: 1", kNext, {true, false, false}).rest == kNext);
  for (const char* status : {"204", "304"}) {
    for (const char* fields : {"Content-Length: 43", "Transfer-Encoding: chunked", "X: 1"}) {
      const Observation seen =
          response(std::string("HTTP/1.1 ") + status + " x\r\n" + fields + "\r\n\r\n" + std::string(kNext));
      CHECK(seen.body.empty());
      CHECK(seen.rest == kNext);
    }
  }
  CHECK(says(response("HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n"), "framing none 7 true"));
  CHECK(says(response("HTTP/1.1 204 x\r\nContent-Length: 7\r\n\r\n"), "framing none 0 false"));
  CHECK(says(ok("Content-Length: 0", ""), "framing length 0 false"));
}

TEST_CASE("reads interim responses, then the final one") {
  const Observation seen = response(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 5\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(says(seen, "1.1 100 Continue\nframing none"));
  CHECK(says(seen, "1.1 103 Early Hints\nLink: </x>\nContent-Length: 5\nframing none 0 false"));
  CHECK(says(seen, "1.1 200 OK\nContent-Length: 2\nframing length"));
  CHECK(seen.body == "hi");
  CHECK(seen.end == "end");
  CHECK(response("HTTP/1.1 100 Continue\r\n\r\n", kClosing).status == 502);
  CHECK(response("HTTP/1.1 100 Continue\r\n\r\n").end == "need more");
  CHECK(response("HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").status == 502);
  CHECK(response("HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n").status == 502);
}

TEST_CASE("takes 101 only where an upgrade was asked for, and reads nothing behind it") {
  constexpr std::string_view kSwitch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframes";
  CHECK(response(kSwitch).status == 502);
  CHECK(response("HTTP/1.1 100 Continue\r\n\r\n" + std::string(kSwitch)).status == 502);
  const Observation seen = response(kSwitch, {false, true, false});
  CHECK(seen.end == "end");
  CHECK(seen.rest == "frames");
}

TEST_CASE("says how a message that was cut short was cut") {
  CHECK(response("", kClosing).end == "error closed without a response");
  CHECK(response("HTTP/1.1 200 OK\r\nContent-Le", kClosing).end == "error closed in the middle of a response");
  CHECK(ok("Content-Length: 5", "hell", kClosing).end == "error closed in the middle of a body");
  CHECK(ok("Content-Length: 5", "", kClosing).end == "error closed in the middle of a body");
  for (const char* body : {"", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0",
                           "0\r\n", "0\r\n\r", "0\r\nX: 1\r\n"}) {
    INFO(body);
    CHECK(ok("Transfer-Encoding: chunked", body, kClosing).end == "error closed in the middle of a body");
  }
}

TEST_CASE("a close behind the last byte is no cut") {
  Arena arena;
  ResponseHead head;
  ResponseReader reader(MessageLimits{});
  reader.start(arena, head, false, false);
  CHECK_FALSE(reader.has_begun());
  std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  REQUIRE(reader.read(text) == ReadEvent::head);
  CHECK(reader.has_begun());
  REQUIRE(reader.read(text) == ReadEvent::body);
  CHECK(reader.finish() == ReadEvent::end);
  reader.start(arena, head, false, false);
  CHECK_FALSE(reader.has_begun());
  CHECK(reader.finish() == ReadEvent::error);
  CHECK(reader.finish() == ReadEvent::error);
}

TEST_CASE("knows whether and how long the server keeps the connection") {
  struct Row {
    const char* head;
    const char* expected;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 0", "keep_alive true -1"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close", "keep_alive false -1"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, Close", "keep_alive false -1"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0", "keep_alive false -1"},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", "keep_alive true -1"},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive", "keep_alive false -1"},
      {"HTTP/1.1 200 OK\r\nX: 1", "keep_alive false -1"},
      {"HTTP/1.1 204 x\r\nX: 1", "keep_alive true -1"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: timeout=5, max=100", "keep_alive true 5"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: max=100,Timeout=7", "keep_alive true 7"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: timeout=0", "keep_alive true 0"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: timeout=-1", "keep_alive true -1"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: timeout=99999999999", "keep_alive true 2147483647"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: timeout=99999999999999999999999", "keep_alive true -1"},
      {"HTTP/1.1 204 x\r\nKeep-Alive: 5", "keep_alive true -1"},
  };
  for (const Row& row : rows) {
    INFO(row.head);
    CHECK(says(response(std::string(row.head) + "\r\n\r\n"), row.expected));
  }
}

}  // namespace halfdoor::test
