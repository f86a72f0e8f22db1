// Request lines: versions, methods and the four forms of a target (RFC 9112 3; robustness.md, "HTTP/1 requests").
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {
namespace {

// A request with this line and nothing but Host.
Observation with_line(std::string line) { return request(line.append("\r\nHost: salon.example\r\n\r\n")); }

struct Parsed {
  Arena arena;
  RequestHead head;
};

// The parts of a head that was read in one piece; the request must be valid.
std::unique_ptr<Parsed> parsed(std::string_view text) {
  auto result = std::make_unique<Parsed>();
  RequestReader reader(MessageLimits{});
  reader.start(result->arena, result->head);
  INFO(printable(text));
  REQUIRE(reader.read(text) == ReadEvent::head);
  return result;
}

}  // namespace

TEST_CASE("reads the parts of a request line") {
  const auto result = parsed("GET /a/b?x=1?y HTTP/1.1\r\nHost: Salon.Example.:8080\r\n\r\n");
  CHECK(result->head.method == "GET");
  CHECK(result->head.target == "/a/b?x=1?y");
  CHECK(result->head.path == "/a/b");
  CHECK(result->head.has_query);
  CHECK(result->head.query == "x=1?y");
  CHECK(result->head.authority == "Salon.Example.:8080");
  CHECK(result->head.host == "salon.example");
  CHECK(result->head.minor_version == 1);
  CHECK(result->head.framing == BodyFraming::none);
  CHECK_FALSE(parsed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")->head.has_query);
  CHECK(parsed("GET /? HTTP/1.1\r\nHost: a\r\n\r\n")->head.has_query);
}

TEST_CASE("refuses versions that are not HTTP/1") {
  for (const char* version : {"HTTP/1", "HTTP/01.1", "http/1.1", "HTTP/1.1 ", "HTTP/1.01", "HTTP/0.9", "HTTP/1,1",
                              "HTTP/a.1", "HTTP/1.a", "HTTPS/1.1", "HTTP/-1.1", "HTTP1.1", "Http/1.1", "HTTP/11.1"}) {
    CHECK(with_line(std::string("GET / ") + version).status == 400);
  }
  CHECK(with_line("GET /").status == 400);
  CHECK(with_line("GET").status == 400);
  CHECK(with_line("GET / ").status == 400);
  for (const char* version : {"HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/2.1"}) {
    CHECK(with_line(std::string("GET / ") + version).status == 505);
  }
  CHECK(with_line("PRI * HTTP/2.0").status == 505);
}

TEST_CASE("takes later minor versions for 1.1") {
  CHECK(parsed("GET / HTTP/1.2\r\nHost: a\r\n\r\n")->head.minor_version == 1);
  CHECK(parsed("GET / HTTP/1.9\r\nHost: a\r\n\r\n")->head.minor_version == 1);
  CHECK(with_line("GET / HTTP/1.2").end == "end");
  CHECK(request("GET / HTTP/1.2\r\n\r\n").status == 400);
}

TEST_CASE("refuses blanks where the grammar has one space") {
  for (const char* line :
       {" GET / HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET / a HTTP/1.1",
        "GET /\tHTTP/1.1", "GET / HTTP/1.1 ", "GET / HTTP/1.1\t", " / HTTP/1.1"}) {
    CHECK(with_line(line).status == 400);
  }
}

TEST_CASE("takes any token as a method and keeps its case") {
  for (const char* method : {"GET", "get", "Get", "DELETE", "M-SEARCH", "!#$%&'*+-.^_`|~09azAZ"}) {
    const Observation seen = with_line(std::string(method) + " / HTTP/1.1");
    CHECK(seen.end == "end");
    CHECK(seen.heads.substr(0, std::string(method).size() + 1) == std::string(method) + " ");
  }
  for (const char* method : {"", "G(T", "GET:", "G\xc3\xa4T", "\"GET\"", "G/T", "{GET}"}) {
    CHECK(with_line(std::string(method) + " / HTTP/1.1").status == 400);
  }
}

TEST_CASE("answers CONNECT and TRACE with 405 whatever their target") {
  for (const char* line : {"CONNECT salon.example:443 HTTP/1.1", "CONNECT / HTTP/1.1", "TRACE / HTTP/1.1",
                           "TRACE /../x HTTP/1.1", "CONNECT / HTTP/1.0"}) {
    CHECK(with_line(line).status == 405);
  }
  CHECK(request("TRACE / HTTP/1.1\r\n\r\n").status == 405);
  CHECK(with_line("Connect / HTTP/1.1").end == "end");
  CHECK(with_line("connect salon.example:443 HTTP/1.1").status == 400);
}

TEST_CASE("takes absolute-form apart and lets its authority replace Host") {
  const auto result = parsed("GET HTTP://User-1.Example:8080/a?b HTTP/1.1\r\nA: 1\r\nHost: other\r\nB: 2\r\n\r\n");
  CHECK(result->head.target == "/a?b");
  CHECK(result->head.path == "/a");
  CHECK(result->head.query == "b");
  CHECK(result->head.authority == "User-1.Example:8080");
  CHECK(result->head.host == "user-1.example");
  CHECK(result->head.fields.count(FieldId::host) == 1);
  CHECK(result->head.fields.find(FieldId::host)->value == "User-1.Example:8080");
  CHECK(result->head.fields.size() == 3);

  CHECK(parsed("GET https://a HTTP/1.1\r\nHost: b\r\n\r\n")->head.target == "/");
  CHECK(parsed("GET http://a?x=1 HTTP/1.1\r\nHost: b\r\n\r\n")->head.target == "/?x=1");
  CHECK(parsed("GET http://a?x=/1 HTTP/1.1\r\nHost: b\r\n\r\n")->head.path == "/");
  CHECK(parsed("OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n")->head.target == "*");
  CHECK(parsed("OPTIONS http://a/ HTTP/1.1\r\nHost: b\r\n\r\n")->head.target == "/");
  const auto old = parsed("GET http://a/x HTTP/1.0\r\n\r\n");
  CHECK(old->head.fields.find(FieldId::host)->value == "a");
  CHECK(old->head.host == "a");
}

TEST_CASE("refuses absolute-forms that hide something") {
  for (const char* target : {"ftp://a/",
                             "ws://a/",
                             "file:///etc/passwd",
                             "http:///path",
                             "http://",
                             "http://user@a/",
                             "http://u:p@a/",
                             "http:a/",
                             "http:/a/",
                             "http//a/",
                             "//",
                             "http://a:99999/",
                             "http://a\\b/",
                             "http://a,b/",
                             "http://?x",
                             "http://[::1/",
                             "http://a/../b",
                             "http://a/%00",
                             "http://a/#f",
                             "javascript://a/"}) {
    const Observation seen = with_line(std::string("GET ") + target + " HTTP/1.1");
    if (std::string_view(target) == "//") {
      CHECK(seen.end == "end");  // origin-form with an empty segment
    } else {
      INFO(target);
      CHECK(seen.status == 400);
    }
  }
  CHECK(request("GET http://a/ HTTP/1.1\r\n\r\n").status == 400);
  CHECK(request("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n").status == 400);
}

TEST_CASE("takes the asterisk only with OPTIONS") {
  const auto result = parsed("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(result->head.target == "*");
  CHECK(result->head.path == "*");
  CHECK(with_line("OPTIONS * HTTP/1.1").end == "end");
  for (const char* line :
       {"GET * HTTP/1.1", "POST * HTTP/1.1", "options * HTTP/1.1", "OPTIONS *? HTTP/1.1", "OPTIONS ** HTTP/1.1"}) {
    CHECK(with_line(line).status == 400);
  }
}

TEST_CASE("refuses targets without a leading slash") {
  for (const char* target : {"a", "salon.example:443", "salon.example", "?x", "@", "a/b", ":80", "%2f", "\\"}) {
    CHECK(with_line(std::string("GET ") + target + " HTTP/1.1").status == 400);
  }
}

TEST_CASE("takes exactly the bytes 0x21 to 0x7E without # in a target") {
  for (unsigned byte = 1; byte < 256; ++byte) {
    INFO("byte " << byte);
    const std::string in_query = "/q?a" + std::string(1, static_cast<char>(byte)) + "b";
    const Observation seen = observe_request({"GET " + in_query + " HTTP/1.1\r\nHost: a\r\n\r\n"});
    const bool is_allowed = byte >= 0x21 && byte <= 0x7e && byte != '#';
    CHECK(seen.end == (is_allowed ? "end" : seen.end));
    CHECK(seen.status == (is_allowed ? 0 : 400));
    if (is_allowed) CHECK(seen.heads.find("GET " + in_query + " 1.1") == 0);
    // In a path "%" needs its digits, and "?" ends it.
    if (byte == '%' || byte == '?') continue;
    const std::string in_path = "/a" + std::string(1, static_cast<char>(byte)) + "b";
    const Observation in_first = observe_request({"GET " + in_path + " HTTP/1.1\r\nHost: a\r\n\r\n"});
    CHECK(in_first.status == (is_allowed ? 0 : 400));
    if (is_allowed) CHECK(in_first.heads.find("GET " + in_path + " 1.1") == 0);
  }
}

TEST_CASE("forwards odd bytes of the query unchanged but not bad escapes of the path") {
  const std::string odd = "/a[b]{c}|\\^?x=%&y=%zz&z=[]{}|\\^%0";
  CHECK(with_line("GET " + odd + " HTTP/1.1").heads.find("GET " + odd + " 1.1") == 0);
  for (const char* target : {"/%", "/%2", "/%zz", "/a%2", "/%0", "/%%41", "/%u0041", "/%2%46", "/a%2?x", "/%?41"}) {
    CHECK(with_line(std::string("GET ") + target + " HTTP/1.1").status == 400);
  }
  for (const char* target :
       {"/%00", "/a%00b", "/..", "/../", "/a/../..", "/%2e%2e", "/.%2E/", "/a/..%2f..", "/..;x/a"}) {
    CHECK(with_line(std::string("GET ") + target + " HTTP/1.1").status == 400);
  }
  for (const char* target : {"/a%2Fb", "/%2e", "/a/..", "/a?/../..", "/?%00", "/%5c", "//a//b", "/a;x/..;y"}) {
    CHECK(with_line(std::string("GET ") + target + " HTTP/1.1").end == "end");
  }
}

TEST_CASE("names what is wrong with a first line that is no HTTP") {
  CHECK(request("\x16\x03\x01\x02").status == 400);
  CHECK(request("SSH-2.0-x\r\n\r\n").status == 400);
  CHECK(request("\r\n\r\n").status == 400);
  CHECK(request("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
}

}  // namespace halfdoor::test
