// Every limit at limit-1, limit and limit+1 (robustness.md, "Limits and timeouts").
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {
namespace {

constexpr std::string_view kHost = "\r\nHost: a\r\n";

// Whole, in two at some places around the limit, and in small pieces.
template <class Observe>
Observation in_some_pieces(const std::string& text, size_t limit, Observe observe) {
  const std::string_view view = text;
  const Observation whole = observe(Pieces{view});
  for (size_t at = limit > 8 ? limit - 8 : 1; at < limit + 8 && at < view.size(); ++at) {
    REQUIRE(observe(Pieces{view.substr(0, at), view.substr(at)}).end == whole.end);
  }
  Pieces small;
  for (size_t at = 0; at < view.size(); at += 7) small.push_back(view.substr(at, 7));
  REQUIRE(observe(small).end == whole.end);
  return whole;
}

Observation read(const std::string& text, size_t limit) {
  return in_some_pieces(text, limit, [](const Pieces& pieces) { return observe_request(pieces); });
}
Observation read_response(const std::string& text, size_t limit, const MessageLimits& limits) {
  return in_some_pieces(text, limit, [&](const Pieces& pieces) { return observe_response(pieces, {}, limits); });
}

// A request whose line has this many bytes.
std::string with_line_bytes(size_t bytes) {
  const std::string_view around = "GET / HTTP/1.1";
  return "GET /" + std::string(bytes - around.size(), 'x') + " HTTP/1.1" + std::string(kHost) + "\r\n";
}
// A head of this many bytes, with every CRLF.
std::string with_head_bytes(size_t bytes) {
  const std::string start = "GET / HTTP/1.1" + std::string(kHost) + "X: ";
  return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
}
std::string fields(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += "X: 1\r\n";
  return text;
}

}  // namespace

TEST_CASE("answers a request line over 8 KiB with 414") {
  constexpr size_t kLimit = 8 << 10;
  CHECK(read(with_line_bytes(kLimit - 1), kLimit).end == "end");
  CHECK(read(with_line_bytes(kLimit), kLimit).end == "end");
  CHECK(read(with_line_bytes(kLimit + 1), kLimit).status == 414);
  CHECK(read("GET /" + std::string(kLimit, 'x'), kLimit).status == 414);
  CHECK(read("\r\n" + with_line_bytes(kLimit), kLimit).end == "end");
}

TEST_CASE("answers a head over 32 KiB with 431") {
  constexpr size_t kLimit = 32 << 10;
  CHECK(read(with_head_bytes(kLimit - 1), kLimit).end == "end");
  CHECK(read(with_head_bytes(kLimit), kLimit).end == "end");
  CHECK(read(with_head_bytes(kLimit + 1), kLimit).status == 431);
  CHECK(read(with_head_bytes(kLimit + 4), kLimit).status == 431);
  CHECK(read(with_head_bytes(kLimit + 5), kLimit).status == 431);
  CHECK(read("\r\n" + with_head_bytes(kLimit), kLimit).end == "end");
}

TEST_CASE("answers more than 100 fields with 431") {
  const auto with_fields = [](size_t count) {
    return "GET / HTTP/1.1" + std::string(kHost) + fields(count - 1) + "\r\n";
  };
  CHECK(read(with_fields(99), 600).end == "end");
  CHECK(read(with_fields(100), 600).end == "end");
  CHECK(read(with_fields(101), 600).status == 431);
}

TEST_CASE("refuses a response head over its limits") {
  MessageLimits limits;
  limits.head = 64 << 10;
  limits.fields = 200;
  const auto with_bytes = [](size_t bytes) {
    const std::string start = "HTTP/1.1 204 x\r\nX: ";
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(read_response(with_bytes(limits.head - 1), limits.head, limits).end == "end");
  CHECK(read_response(with_bytes(limits.head), limits.head, limits).end == "end");
  CHECK(read_response(with_bytes(limits.head + 1), limits.head, limits).status == 502);
  const auto with_fields = [](size_t count) { return "HTTP/1.1 204 x\r\n" + fields(count) + "\r\n"; };
  CHECK(read_response(with_fields(199), 100, limits).end == "end");
  CHECK(read_response(with_fields(200), 100, limits).end == "end");
  CHECK(read_response(with_fields(201), 100, limits).status == 502);
  const auto with_line = [](size_t bytes) { return "HTTP/1.1 204 " + std::string(bytes - 13, 'x') + "\r\n\r\n"; };
  CHECK(read_response(with_line(limits.start_line), limits.start_line, limits).end == "end");
  CHECK(read_response(with_line(limits.start_line + 1), limits.start_line, limits).status == 502);
}

TEST_CASE("refuses chunk lines over 1 KiB") {
  const auto with_line = [](size_t bytes) {
    const std::string text = "1;a=" + std::string(bytes - 4, 'x') + "\r\ny\r\n0\r\n\r\n";
    return in_some_pieces(text, 1 << 10,
                          [](const Pieces& pieces) { return observe_body(pieces, BodyFraming::chunked); });
  };
  CHECK(with_line(1023).end == "end");
  CHECK(with_line(1024).end == "end");
  CHECK(with_line(1025).status == 400);
  CHECK(observe_body({"1;a=" + std::string(5000, 'x')}, BodyFraming::chunked).status == 400);
}

TEST_CASE("refuses extensions of all chunks together over 16 KiB") {
  const auto with_extensions = [](size_t bytes) {
    std::string text;
    for (; bytes > 512; bytes -= 512) text += "1;" + std::string(512, 'x') + "\r\ny\r\n";
    text += "1;" + std::string(bytes, 'x') + "\r\ny\r\n0\r\n\r\n";
    return observe_body({text}, BodyFraming::chunked);
  };
  CHECK(with_extensions((16 << 10) - 1).end == "end");
  CHECK(with_extensions(16 << 10).end == "end");
  CHECK(with_extensions((16 << 10) + 1).status == 400);
}

TEST_CASE("refuses trailers over the limits of a head") {
  BodyReader::Limits limits;
  limits.trailers = 1000;
  limits.trailer_fields = 10;
  const auto observe = [&](const std::string& trailers) {
    return in_some_pieces("0\r\n" + trailers, 1000,
                          [&](const Pieces& pieces) { return observe_body(pieces, BodyFraming::chunked, 0, limits); });
  };
  const auto with_bytes = [](size_t bytes) { return "X: " + std::string(bytes - 7, 'x') + "\r\n\r\n"; };
  CHECK(observe(with_bytes(999)).end == "end");
  CHECK(observe(with_bytes(1000)).end == "end");
  CHECK(observe(with_bytes(1001)).status == 400);
  CHECK(observe(fields(9) + "\r\n").end == "end");
  CHECK(observe(fields(10) + "\r\n").end == "end");
  CHECK(observe(fields(11) + "\r\n").status == 400);
  MessageLimits of_message;
  of_message.head = 77;
  of_message.fields = 7;
  of_message.chunk_line = 5;
  of_message.chunk_extensions = 6;
  CHECK(of_message.of_body().trailers == 77);
  CHECK(of_message.of_body().trailer_fields == 7);
  CHECK(of_message.of_body().chunk_line == 5);
  CHECK(of_message.of_body().extensions == 6);
}

TEST_CASE("codecs obey the limits they are given") {
  MessageLimits limits;
  limits.start_line = 20;
  limits.head = 60;
  limits.fields = 2;
  const auto observe = [&](std::string_view text) {
    return at_every_split(text, [&](const Pieces& pieces) { return observe_request(pieces, limits); });
  };
  CHECK(observe("GET /567890 HTTP/1.1\r\nHost: a\r\n\r\n").end == "end");
  CHECK(observe("GET /5678901 HTTP/1.1\r\nHost: a\r\n\r\n").status == 414);
  CHECK(observe("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n").end == "end");
  CHECK(observe("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n").status == 431);
  const auto with_value = [&](size_t bytes) {
    return observe("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(bytes, 'x') + "\r\n\r\n");
  };
  CHECK(with_value(27).end == "end");
  CHECK(with_value(28).end == "end");
  CHECK(with_value(29).status == 431);
}

}  // namespace halfdoor::test
