// Chunked bodies, byte by byte (RFC 9112 7.1; robustness.md: chunk size, data not followed by CRLF, trailers).
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {
namespace {

// One chunk "hello" with this chunk line, then the end.
Observation with_size(std::string_view line) { return chunked(std::string(line) + "\r\nhello\r\n0\r\n\r\n"); }
Observation with_trailers(std::string_view lines) {
  return chunked("5\r\nhello\r\n0\r\n" + std::string(lines) + "\r\n");
}

}  // namespace

TEST_CASE("joins chunks and leaves alone what follows the last one") {
  const Observation seen = chunked("5\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\n0\r\n\r\nGET");
  CHECK(seen.body == "hello 0123456789");
  CHECK(seen.end == "end");
  CHECK(seen.rest == "GET");
  CHECK(chunked("0\r\n\r\n").end == "end");
  CHECK(chunked("0000000000000000\r\n\r\n").end == "end");
}

TEST_CASE("data may look like framing") {
  const std::string inner = "0\r\n\r\nGET / HTTP/1.1\r\n";
  REQUIRE(inner.size() == 0x15);
  CHECK(chunked("15\r\n" + inner + "\r\n0\r\n\r\n").body == inner);
  CHECK(chunked("14\r\n" + inner + "\r\n0\r\n\r\n").status == 400);
  CHECK(chunked("16\r\n" + inner + "\r\n0\r\n\r\n").status == 400);
}

TEST_CASE("nothing but CR and LF stands where they belong") {
  const std::string whole = "5;a=b;c=\"d\"\r\nhello\r\n0\r\nX: y\r\n\r\n";
  REQUIRE(chunked(whole).end == "end");
  const size_t data = whole.find("hello");
  for (size_t at = 0; at < whole.size(); ++at) {
    const bool is_line_end = whole[at] == '\r' || whole[at] == '\n';
    if (!is_line_end || (at >= data && at < data + 5)) continue;
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      if (changed == whole) continue;
      INFO("byte " << value << " at " << at);
      CHECK(chunked(changed).status == 400);
    }
  }
}

TEST_CASE("takes one to sixteen hexadecimal digits") {
  for (const char* size : {"5", "05", "0000000000000005"}) CHECK(with_size(size).body == "hello");
  CHECK(chunked("a\r\n0123456789\r\n0\r\n\r\n").body == "0123456789");
  CHECK(chunked("A\r\n0123456789\r\n0\r\n\r\n").body == "0123456789");
  for (const char* size : {"",
                           "+5",
                           "-5",
                           "0x5",
                           "0X5",
                           "5h",
                           "x5",
                           " 5",
                           "5 ",
                           "\t5",
                           "5\t",
                           "5_0",
                           "5.0",
                           "00000000000000005",
                           "10000000000000005",
                           "\"5\"",
                           "5,5",
                           "g",
                           "5\xa0",
                           "5 ;a",
                           "5\t;a",
                           "5:",
                           "5\x0b",
                           "\x00"}) {
    INFO(size);
    CHECK(with_size(size).status == 400);
  }
  CHECK(with_size(std::string_view("5\0", 2)).status == 400);
}

TEST_CASE("refuses sizes beyond 2^63-1, alone or together") {
  CHECK(chunked("7fffffffffffffff\r\nx").end == "need more");
  CHECK(chunked("8000000000000000\r\nx").status == 400);
  CHECK(chunked("ffffffffffffffff\r\nx").status == 400);
  CHECK(chunked("1\r\nx\r\n7ffffffffffffffe\r\nx").end == "need more");
  CHECK(chunked("1\r\nx\r\n7fffffffffffffff\r\nx").status == 400);
  CHECK(chunked("1\r\nx\r\nffffffffffffffff\r\nx").status == 400);
}

TEST_CASE("refuses CR and LF at every byte of chunk framing where they do not belong") {
  const std::string good = "5;name=value;q=\"a\\\"b\"\r\nhello\r\n0;x\r\nT: v\r\n\r\n";
  REQUIRE(chunked(good).body == "hello");
  const size_t data = good.find("hello");
  const size_t trailer = good.find("T: v");
  // Where one more CRLF only ends the trailers sooner.
  const auto ends_sooner = [&](size_t at) {
    return at == trailer - 2 || at == trailer || at == trailer + 4 || at + 2 == good.size();
  };
  for (size_t at = 0; at < good.size(); ++at) {
    for (const std::string_view line_end : {"\r", "\n", "\r\n"}) {
      std::string bad = good;
      bad.insert(at, line_end);
      INFO("at " << at << " " << printable(bad));
      const bool is_behind_the_end = at + 1 == good.size() && line_end == "\n";
      if (is_behind_the_end || (line_end == "\r\n" && ends_sooner(at))) {
        CHECK(chunked(bad).rest == (is_behind_the_end ? "\n" : bad.substr(bad.find("\r\n\r\n") + 4)));
      } else {
        CHECK(chunked(bad).status == 400);
      }
      const bool is_data = at >= data && at < data + 5;
      if (is_data || line_end.size() == 2 || good[at] == line_end.front()) continue;
      bad = good;
      bad.replace(at, 1, line_end);
      INFO("replaced: " << printable(bad));
      CHECK(chunked(bad).status == 400);
    }
  }
}

TEST_CASE("refuses a control byte at every byte of chunk framing") {
  const std::string good = "5;name=value;q=\"a\\\"b\"\r\nhello\r\n0;x\r\nT: v\r\n\r\n";
  REQUIRE(chunked(good).body == "hello");
  const size_t data = good.find("hello");
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\0', '\x01', '\x0b', '\x0c', '\x1f', '\x7f'}) {
      std::string bad = good;
      bad.insert(at, 1, byte);
      INFO("at " << at << " " << printable(bad));
      CHECK(chunked(bad).status == 400);
      if (at >= data && at < data + 5) continue;
      bad = good;
      bad[at] = byte;
      INFO("replaced: " << printable(bad));
      CHECK(chunked(bad).status == 400);
    }
  }
}

TEST_CASE("refuses line ends that are not CRLF") {
  for (const char* body :
       {"5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello0\r\n\r\n", "5\r\nhelloxx0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\n\rx", "5\r\r\nhello\r\n0\r\n\r\n", "5\n\r\nhello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\n\n0\r\n\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n", "5;\n\r\nhello\r\n0\r\n\r\n", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"}) {
    INFO(printable(body));
    CHECK(chunked(body).status == 400);
  }
}

TEST_CASE("drops valid extensions") {
  for (const char* line : {"5;a", "5;a=b", "5;a=\"b\"", "5;a;b;c=d", "5; a", "5;\ta = b", "5;a =\"x\" ;b", "5;a=\"\"",
                           "5;a=\"\\\"\"", "5;a=\" \t;=\\\\\"", "5;a=\"caf\xc3\xa9\"", "5;!#$%&'*+-.^_`|~=1"}) {
    INFO(line);
    CHECK(with_size(line).body == "hello");
  }
  CHECK(chunked("0;a=b\r\n\r\n").end == "end");
}

TEST_CASE("refuses extensions that are not well-formed") {
  for (const char* line :
       {"5;",           "5;;",        "5;a;",          "5;a ",           "5;a=",         "5;a= ",
        "5;=b",         "5;a=b ",     "5;a=\"b",       "5;a=\"b\\",      "5;a=\"b\"c",   "5;a=b c",
        "5;a b",        "5;a=\"b\" ", "5;a=b=c",       "5;a,b",          "5;(a)",        "5; ",
        "5;a\x01",      "5;a\x7f",    "5;a=\"\x01\"",  "5;a=\"\\\x01\"", "5;a=\"\x7f\"", "5;\xc3\xa4",
        "5;a=\xc3\xa4", "5;a\x0b=b",  "5;a=\"b\"\"c\""}) {
    INFO(printable(line));
    CHECK(with_size(line).status == 400);
  }
  CHECK(with_size(std::string_view("5;a\0b", 5)).status == 400);
}

TEST_CASE("checks trailers by the rules of fields") {
  CHECK(with_trailers("").end == "end");
  CHECK(with_trailers("X-Sum: 1\r\nServer-Timing: x\r\nX-Empty:\r\n").body == "hello");
  CHECK(with_trailers("ETag: \"caf\xc3\xa9\"\r\n").end == "end");
  for (const char* lines : {" X: 1\r\n", "X : 1\r\n", ": 1\r\n", "X\r\n", "X: 1\r\n folded\r\n", "X: a\x01\r\n",
                            "X: a\nb\r\n", "X: a\rb\r\n", "X\xe9: 1\r\n", "X: a\x7f\r\n", "X: 1\n", "(X): 1\r\n"}) {
    INFO(printable(lines));
    CHECK(with_trailers(lines).status == 400);
  }
}

TEST_CASE("keeps trailers until they are taken, written the one way that everybody reads alike") {
  const std::string text = "3\r\nabc\r\n0\r\nX-Sum:1\r\nX-Empty:\r\nX-Blanks: \t two  blanks \t\r\n\r\nrest";
  for (const size_t size : {size_t{1}, size_t{7}, text.size()}) {
    BodyReader reader;
    reader.start(BodyFraming::chunked, 0, {});
    std::string_view rest;
    BodyReader::Outcome outcome = BodyReader::Outcome::need_more;
    for (size_t at = 0; at < text.size() && outcome != BodyReader::Outcome::end; at += size) {
      CHECK_FALSE(reader.has_trailers());
      rest = std::string_view(text).substr(at, size);
      do {
        outcome = reader.read(rest);
      } while (outcome == BodyReader::Outcome::piece);
    }
    REQUIRE(outcome == BodyReader::Outcome::end);
    CHECK(reader.has_trailers());
    CHECK(reader.take_trailers() == "X-Sum: 1\r\nX-Empty: \r\nX-Blanks: two  blanks\r\n");
    CHECK_FALSE(reader.has_trailers());
    CHECK(reader.take_trailers().empty());
  }
}

TEST_CASE("trailers that nobody took are not those of the next message") {
  BodyReader reader;
  for (const char* text : {"0\r\nX: 1\r\n\r\n", "0\r\n\r\n"}) {
    reader.start(BodyFraming::chunked, 0, {});
    std::string_view input = text;
    REQUIRE(reader.read(input) == BodyReader::Outcome::end);
  }
  CHECK_FALSE(reader.has_trailers());
  reader.start(BodyFraming::length, 3, {});
  CHECK_FALSE(reader.has_trailers());
}

TEST_CASE("a last chunk carries the trailers that it is given") {
  BlockPool pool;
  SliceQueue out(pool);
  write_last_chunk(out);
  write_last_chunk(out, "X-Sum: 1\r\n");
  CHECK(out.front() == "0\r\n\r\n0\r\nX-Sum: 1\r\n\r\n");
}

TEST_CASE("refuses framing, routing and authorisation fields in trailers") {
  for (const char* name : {"Content-Length",
                           "transfer-encoding",
                           "Host",
                           "TE",
                           "Trailer",
                           "Connection",
                           "Upgrade",
                           "Keep-Alive",
                           "Authorization",
                           "Proxy-Authorization",
                           "Proxy-Authenticate",
                           "WWW-Authenticate",
                           "Cookie",
                           "Set-Cookie",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Range",
                           "Cache-Control",
                           "Expect",
                           "Range",
                           "Location",
                           "Max-Forwards",
                           "X-Forwarded-For",
                           "X-Forwarded-Host",
                           "X-Forwarded-Proto",
                           "Forwarded",
                           "X-HTTP-Method-Override",
                           "X-HTTP-Method",
                           "X-Method-Override",
                           "X-Request-Id",
                           "Transfer_Encoding",
                           "Content_Length",
                           "X_HTTP_Method_Override",
                           "If-Match",
                           "Proxy-Whatever",
                           "Sec-WebSocket-Key",
                           "Access-Control-Allow-Origin",
                           "x-original-url",
                           "X-Rewrite-URL",
                           "X-Real-IP",
                           "X-Forwarded-User",
                           "Halfdoor-Mode"}) {
    INFO(name);
    CHECK(with_trailers(std::string(name) + ": 1\r\n").end == "error 400: field that may not be in trailers");
  }
}

TEST_CASE("knows the other framings") {
  const auto with = [](std::string_view bytes, BodyFraming framing, uint64_t length) {
    return at_every_split(bytes, [=](const Pieces& pieces) { return observe_body(pieces, framing, length); });
  };
  CHECK(with("hello", BodyFraming::none, 0).rest == "hello");
  CHECK(with("hello", BodyFraming::length, 0).rest == "hello");
  CHECK(with("hello", BodyFraming::length, 4).rest == "o");
  CHECK(with("hello", BodyFraming::length, 5).end == "end");
  CHECK(with("hello", BodyFraming::length, 6).end == "need more");
  CHECK(with("hello", BodyFraming::until_close, 0).body == "hello");
  CHECK(with("hello", BodyFraming::until_close, 0).end == "need more");
}

TEST_CASE("reads a body of one-byte chunks in linear time") {
  constexpr size_t kChunks = 200'000;
  std::string body;
  for (size_t i = 0; i < kChunks; ++i) body += "1\r\nx\r\n";
  body += "0\r\n\r\n";
  std::string_view input = body;
  BodyReader reader;
  reader.start(BodyFraming::chunked, 0, {});
  size_t pieces = 0;
  while (reader.read(input) == BodyReader::Outcome::piece) pieces += reader.piece().size();
  CHECK(pieces == kChunks);
  CHECK(reader.is_at_end());
}

}  // namespace halfdoor::test
