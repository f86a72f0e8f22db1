// What leaves the proxy: heads and chunks (RFC 9112 3, 4, 6, 7; RFC 9110 6.6.1 and 8.6).
#include <catch2/catch.hpp>

#include "codec_driver.h"
#include "http/semantics.h"

namespace halfdoor::test {
namespace {

constexpr std::string_view kDate = "Sun, 22 Nov 2026 16:38:44 GMT";

RequestHead request_head(std::string_view method, uint8_t minor_version = 1, bool keep_alive = true) {
  RequestHead head;
  head.method = method;
  head.target = "/";
  head.minor_version = minor_version;
  head.keep_alive = keep_alive;
  return head;
}

ResponseHead response_head(int status, BodyFraming framing, uint64_t length = 0) {
  ResponseHead head;
  head.status = status;
  head.reason = "x";
  head.framing = framing;
  head.content_length = length;
  head.fields.add("A", "1");
  return head;
}

std::string written(const ResponseHead& head, const RequestHead& request, bool wants_close = false) {
  BlockPool pool;
  SliceQueue out(pool);
  write_response_head(out, head, choose_response_framing(request, head, wants_close), request, kDate);
  return text_of(out);
}
std::string written(const RequestHead& head) {
  BlockPool pool;
  SliceQueue out(pool);
  write_request_head(out, head);
  return text_of(out);
}
std::string response_with(std::string_view status, std::string_view framing) {
  return "HTTP/1.1 " + std::string(status) + " x\r\nA: 1\r\nDate: " + std::string(kDate) + "\r\n" +
         std::string(framing) + "\r\n";
}

}  // namespace

TEST_CASE("frames responses for 1.1 by length, else by chunks") {
  const RequestHead get = request_head("GET");
  CHECK(written(response_head(200, BodyFraming::length, 12345), get) ==
        response_with("200", "Content-Length: 12345\r\n"));
  CHECK(written(response_head(200, BodyFraming::chunked), get) ==
        response_with("200", "Transfer-Encoding: chunked\r\n"));
  CHECK(written(response_head(200, BodyFraming::until_close), get) ==
        response_with("200", "Transfer-Encoding: chunked\r\n"));
  CHECK(written(response_head(200, BodyFraming::none), get) == response_with("200", "Content-Length: 0\r\n"));
  CHECK(written(response_head(200, BodyFraming::length, 5), get, true) ==
        response_with("200", "Content-Length: 5\r\nConnection: close\r\n"));
  CHECK(written(response_head(200, BodyFraming::length, 5), request_head("GET", 1, false)) ==
        response_with("200", "Content-Length: 5\r\nConnection: close\r\n"));
}

TEST_CASE("never sends chunks to 1.0 and says when it keeps the connection") {
  CHECK(written(response_head(200, BodyFraming::length, 5), request_head("GET", 0, true)) ==
        response_with("200", "Content-Length: 5\r\nConnection: keep-alive\r\n"));
  CHECK(written(response_head(200, BodyFraming::length, 5), request_head("GET", 0, false)) ==
        response_with("200", "Content-Length: 5\r\nConnection: close\r\n"));
  for (const BodyFraming framing : {BodyFraming::chunked, BodyFraming::until_close}) {
    const ResponseFraming chosen =
        choose_response_framing(request_head("GET", 0, true), response_head(200, framing), false);
    CHECK(chosen.framing == BodyFraming::until_close);
    CHECK(chosen.close);
    CHECK(written(response_head(200, framing), request_head("GET", 0, true)) ==
          response_with("200", "Connection: close\r\n"));
  }
}

TEST_CASE("sends no body for HEAD, 204 and 304, but the length that the server told") {
  ResponseHead told = response_head(200, BodyFraming::none, 77);
  told.has_content_length = true;
  CHECK(written(told, request_head("HEAD")) == response_with("200", "Content-Length: 77\r\n"));
  CHECK(written(response_head(200, BodyFraming::length, 9), request_head("HEAD")) ==
        response_with("200", "Content-Length: 9\r\n"));
  CHECK(written(response_head(200, BodyFraming::none), request_head("HEAD")) == response_with("200", ""));
  CHECK(written(response_head(200, BodyFraming::chunked), request_head("HEAD")) == response_with("200", ""));
  CHECK(written(response_head(204, BodyFraming::length, 9), request_head("GET")) == response_with("204", ""));
  CHECK(written(response_head(204, BodyFraming::none), request_head("HEAD")) == response_with("204", ""));
  told.status = 304;
  CHECK(written(told, request_head("GET")) == response_with("304", "Content-Length: 77\r\n"));
  CHECK(written(response_head(304, BodyFraming::none), request_head("GET")) == response_with("304", ""));
  CHECK(choose_response_framing(request_head("HEAD"), told, false).framing == BodyFraming::none);
  CHECK(choose_response_framing(request_head("HEAD", 0), response_head(200, BodyFraming::chunked), false).close ==
        false);
}

TEST_CASE("interim responses carry no framing and no date") {
  ResponseHead head = response_head(103, BodyFraming::none);
  head.fields.add("Content-Length", "5");
  CHECK(choose_response_framing(request_head("GET", 1, false), head, true).framing == BodyFraming::none);
  CHECK_FALSE(choose_response_framing(request_head("GET", 1, false), head, true).close);
  BlockPool pool;
  SliceQueue out(pool);
  write_interim_head(out, head);
  CHECK(text_of(out) == "HTTP/1.1 103 x\r\nA: 1\r\n\r\n");
}

TEST_CASE("keeps a Date, fills in a reason, and never repeats framing fields") {
  ResponseHead head;
  head.status = 404;
  head.minor_version = 0;
  head.framing = BodyFraming::length;
  head.content_length = 3;
  head.fields.add("date", "yesterday");
  head.fields.add("Content-Length", "4");
  head.fields.add("transfer-encoding", "chunked");
  CHECK(written(head, request_head("GET")) == "HTTP/1.1 404 Not Found\r\ndate: yesterday\r\nContent-Length: 3\r\n\r\n");
  CHECK(reason_phrase(100) == "Continue");
  CHECK(reason_phrase(505) == "HTTP Version Not Supported");
  CHECK(reason_phrase(0) == "Unknown");
  CHECK(reason_phrase(599) == "Unknown");
  CHECK(reason_phrase(503) == "Service Unavailable");
  CHECK(reason_phrase(299) == "Unknown");
}

TEST_CASE("writes requests as 1.1 in origin-form with Host first") {
  RequestHead head = request_head("POST", 0);
  head.target = "/a?b";
  head.fields.add("X-A", "1");
  head.fields.add("HOST", "salon.example");
  head.fields.add("X-B", "");
  head.framing = BodyFraming::chunked;
  CHECK(written(head) ==
        "POST /a?b HTTP/1.1\r\nHost: salon.example\r\nX-A: 1\r\nX-B: \r\nTransfer-Encoding: chunked\r\n\r\n");
  head.framing = BodyFraming::length;
  head.content_length = 18446744073709551615ULL;
  CHECK(written(head).find("\r\nContent-Length: 18446744073709551615\r\n\r\n") != std::string::npos);
  head.fields.add("Content-Length", "6");
  head.fields.add("Transfer-Encoding", "chunked");
  head.content_length = 5;
  CHECK(written(head) == "POST /a?b HTTP/1.1\r\nHost: salon.example\r\nX-A: 1\r\nX-B: \r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("says a length of 0 as the client did") {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    RequestHead head = request_head(method);
    CHECK(written(head) == std::string(method) + " / HTTP/1.1\r\n\r\n");
    head.framing = BodyFraming::length;
    CHECK(written(head) == std::string(method) + " / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  }
  RequestHead head = request_head("GET");
  head.framing = BodyFraming::length;
  CHECK(written(head) == "GET / HTTP/1.1\r\n\r\n");
  head.content_length = 1;
  CHECK(written(head) == "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n");
}

TEST_CASE("writes heads of every size, in one piece as long as a block holds them") {
  for (const size_t bytes : {1UL, 100UL, Block::kBytes - 30UL, size_t{Block::kBytes}, Block::kBytes + 1UL, 60000UL}) {
    const std::string value(bytes, 'v');
    RequestHead head = request_head("GET");
    head.fields.add("X", value);
    BlockPool pool;
    {
      SliceQueue out(pool);
      out.append("before");
      write_request_head(out, head);
      const std::string expected = "GET / HTTP/1.1\r\nX: " + value + "\r\n\r\n";
      CHECK(text_of(out) == "before" + expected);
      if (expected.size() <= Block::kBytes && expected.size() + 6 > Block::kBytes) {
        CHECK(out.front() == "before");
      }
    }
  }
}

TEST_CASE("writes chunks that its own reader reads") {
  BlockPool pool;
  {
    SliceQueue from(pool);
    SliceQueue out(pool);
    CHECK(write_chunk(out, from, 100) == 0);
    CHECK(out.empty());
    const std::string body(40000, 'b');
    from.append(body);
    CHECK(write_chunk(out, from, 0) == 0);
    CHECK(out.empty());
    CHECK(write_chunk(out, from, 10) == 10);
    CHECK(text_of(out) == "a\r\nbbbbbbbbbb\r\n");
    CHECK(write_chunk(out, from, 30000) == 30000);
    CHECK(write_chunk(out, from, 30000) == 9990);
    CHECK(from.empty());
    write_last_chunk(out);
    const Observation seen = observe_body({text_of(out)}, BodyFraming::chunked);
    CHECK(seen.body == body);
    CHECK(seen.end == "end");
    CHECK(seen.rest.empty());
  }
}

}  // namespace halfdoor::test
