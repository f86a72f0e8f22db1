// Where a request's body ends: Content-Length, Transfer-Encoding, and every way to let two parsers disagree
// (RFC 9112 6.1 and 6.3; robustness.md, "HTTP/1 requests").
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {
namespace {

constexpr std::string_view kHidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

Observation post(std::string_view fields, std::string_view body, std::string_view version = "HTTP/1.1") {
  return request("POST / " + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n" +
                 std::string(body));
}

}  // namespace

TEST_CASE("reads a body of known length and leaves the rest alone") {
  const Observation seen = post("Content-Length: 5", "hello" + std::string(kHidden));
  CHECK(seen.body == "hello");
  CHECK(seen.end == "end");
  CHECK(seen.rest == kHidden);
  CHECK(post("Content-Length: 5", "hell").end == "need more");
  CHECK(post("Content-Length: 0", kHidden).rest == kHidden);
  CHECK(post("X: 1", kHidden).rest == kHidden);
}

TEST_CASE("accepts leading zeros of a Content-Length and keeps that a length of 0 was said") {
  CHECK(post("Content-Length: 005", "hello").heads.find("framing length 5 ") != std::string::npos);
  CHECK(post("Content-Length: 0000000000000000000000000000005", "hello").body == "hello");
  CHECK(post("Content-Length: 0", "").heads.find("framing length 0 ") != std::string::npos);
  CHECK(post("X: 1", "").heads.find("framing none 0 ") != std::string::npos);
}

TEST_CASE("refuses every Content-Length that is not one number") {
  for (const char* value : {"",
                            "+5",
                            "-0",
                            "-5",
                            "0x5",
                            "1_0",
                            "5.0",
                            "\"\"",
                            "\"5\"",
                            "5,5",
                            "5, 5",
                            "5,",
                            ",5",
                            "5 5",
                            "5;",
                            "five",
                            "5a",
                            "a5",
                            "9223372036854775808",
                            "18446744073709551616",
                            "18446744073709551621",
                            "99999999999999999999999999",
                            "5\t5",
                            "\xd9\xa5",
                            "1e3",
                            "5\xa0"}) {
    INFO(value);
    CHECK(post(std::string("Content-Length: ") + value, "hello").end == "error 400: bad Content-Length");
  }
  CHECK(post("Content-Length: 9223372036854775807", "hello").end == "need more");
}

TEST_CASE("refuses several Content-Length fields, equal or not") {
  CHECK(post("Content-Length: 5\r\nContent-Length: 5", "hello").status == 400);
  CHECK(post("Content-Length: 5\r\nContent-Length: 6", "hello").status == 400);
  CHECK(post("Content-Length: 5\r\nX: 1\r\ncontent-length: 5", "hello").status == 400);
}

TEST_CASE("refuses Content-Length together with Transfer-Encoding") {
  const std::string body = "0\r\n\r\n" + std::string(kHidden);
  for (const char* fields :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 0", "content-length: 5\r\nTRANSFER-ENCODING: x",
        "Content-Length: 5\r\nTransfer-Encoding: identity", "Content-Length: 5\r\nTransfer-Encoding:"}) {
    INFO(fields);
    CHECK(post(fields, body).end == "error 400: Content-Length and Transfer-Encoding together");
  }
}

TEST_CASE("takes exactly one chunked, in any case") {
  for (const char* value : {"chunked", "Chunked", "CHUNKED", "  chunked\t"}) {
    const Observation seen =
        post(std::string("Transfer-Encoding: ") + value, "5\r\nhello\r\n0\r\n\r\n" + std::string(kHidden));
    CHECK(seen.body == "hello");
    CHECK(seen.end == "end");
    CHECK(seen.rest == kHidden);
  }
}

TEST_CASE("refuses every other way to write chunked") {
  for (const char* value : {"chunked, chunked",
                            "chunked,chunked",
                            "chunked,",
                            ",chunked",
                            "chunked, identity",
                            "identity",
                            "identity, chunked",
                            "\"chunked\"",
                            "'chunked",
                            "chunked;q=1",
                            "chunked; a=b",
                            "chunked;",
                            "chunked, gzip",
                            "gzip, chunked, gzip",
                            "",
                            "chunked chunked",
                            "chu nked",
                            "chunked\xa0",
                            "\xe2\x80\x8b"
                            "chunked",
                            "gzip,,chunked",
                            ";chunked",
                            "gzip;",
                            "gzip;q",
                            "gzip;q=\"1\"",
                            "(chunked)",
                            "gzip, identity",
                            "chunked\tx",
                            "ch\xfcnked",
                            "[chunked]",
                            "{}",
                            "chunked/1"}) {
    if (std::string_view(value) == "'chunked") continue;  // a token: see below
    INFO(printable(value));
    CHECK(post(std::string("Transfer-Encoding: ") + value, "0\r\n\r\n").end == "error 400: bad Transfer-Encoding");
  }
  CHECK(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding : chunked", "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding\t: chunked", "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding: \x0b"
             "chunked",
             "0\r\n\r\n")
            .status == 400);
  CHECK(post(std::string("Transfer-Encoding: chunked\0", 27), "0\r\n\r\n").status == 400);
  CHECK(post("Transfer-Encoding: chunked\rX: y", "0\r\n\r\n").status == 400);
}

TEST_CASE("answers a well-formed unknown coding with 501") {
  for (const char* value : {"gzip", "gzip, chunked", "xchunked", "x-chunked", "chunkedx", "gzip;q=0.5, chunked",
                            "'chunked", "deflate , br", "cow"}) {
    INFO(value);
    CHECK(post(std::string("Transfer-Encoding: ") + value, "0\r\n\r\n").status == 501);
  }
}

TEST_CASE("refuses any Transfer-Encoding in HTTP/1.0") {
  for (const char* value : {"chunked", "gzip", "identity", ""}) {
    CHECK(post(std::string("Transfer-Encoding: ") + value, "0\r\n\r\n", "HTTP/1.0").end ==
          "error 400: Transfer-Encoding in HTTP/1.0");
  }
}

TEST_CASE("a GET may have a body, and it is never taken for a request") {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n" + std::string(kHidden) + "rest";
  REQUIRE(kHidden.size() == 33);
  const Observation seen = request(text);
  CHECK(seen.body == kHidden);
  CHECK(seen.rest == "rest");
}

}  // namespace halfdoor::test
