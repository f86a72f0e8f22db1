// Fields of requests: names, values, Host and what the head says about the connection (RFC 9112 5, RFC 9110 7).
#include <catch2/catch.hpp>

#include "codec_driver.h"

namespace halfdoor::test {
namespace {

Observation with_fields(std::string_view fields, std::string_view line = "GET / HTTP/1.1") {
  return request(std::string(line) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n\r\n");
}

RequestHead& head_of(std::string_view line, std::string_view fields) {
  static Arena arena;
  static RequestHead head;
  arena.reset();
  const std::string text = std::string(line) + "\r\n" + std::string(fields) + "\r\n\r\n";
  RequestReader reader(MessageLimits{});
  reader.start(arena, head);
  std::string_view input = text;
  INFO(printable(text));
  REQUIRE(reader.read(input) == ReadEvent::head);
  return head;
}

}  // namespace

TEST_CASE("keeps fields in order, with the blanks around values trimmed") {
  const RequestHead& head =
      head_of("GET / HTTP/1.1", "Host:\t a \t\r\nX-Empty:\r\nX-Blank: \t \r\nx-CASE:b  c\r\nX-A: 1\r\nX-A: 2");
  REQUIRE(head.fields.size() == 6);
  const Field* const fields = &*head.fields.begin();
  CHECK(fields[0].value == "a");
  CHECK(fields[1].value.empty());
  CHECK(fields[2].value.empty());
  CHECK(fields[3].name == "x-CASE");
  CHECK(fields[3].value == "b  c");
  CHECK(fields[5].value == "2");
}

TEST_CASE("refuses folded lines, blanks before a name or colon, and names that are no tokens") {
  for (const char* fields :
       {" X: 1",  "\tX: 1", "X: 1\r\n folded", "X: 1\r\n\tfolded", "X : 1",  "X\t: 1", ": 1",      ":",
        "X",      "X 1",    "(X): 1",          "X\xe9: 1",         "X,Y: 1", "X/Y: 1", "\"X\": 1", "X@: 1",
        "X[]: 1", "X{}: 1", "X;Y: 1",          "X=Y: 1",           "X\\: 1", " ",      "\t"}) {
    CHECK(with_fields(fields).status == 400);
  }
  CHECK(request("GET / HTTP/1.1\r\n Host: a\r\n\r\n").status == 400);
  CHECK(with_fields("X: 1\r\n folded: 2").end == "error 400: folded line or space before a field");
  CHECK(request("GET / HTTP/1.1\r\n\tX: b\r\nHost: a\r\n\r\n").status == 400);
}

TEST_CASE("refuses an empty field name instead of taking it for the end of the list") {
  CHECK(request("POST / HTTP/1.1\r\nHost: a\r\n: x\r\nContent-Length: 5\r\n\r\nhello").status == 400);
  CHECK(request("POST / HTTP/1.1\r\n:\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").status == 400);
}

TEST_CASE("refuses every control byte but tab in a value and passes all other bytes") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    INFO("byte " << byte);
    const std::string line = "X: a" + std::string(1, static_cast<char>(byte)) + "b";
    const Observation seen = observe_request({"GET / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n\r\n"});
    const bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    CHECK(seen.status == (is_control ? 400 : 0));
    if (!is_control) CHECK(seen.heads.find(line) != std::string::npos);
  }
}

TEST_CASE("refuses a control byte at every position of a head, however long the line") {
  const std::string good = "GET /path HTTP/1.1\r\nHost: salon.example\r\nX-Long: " + std::string(70, 'x') + "\r\n\r\n";
  REQUIRE(observe_request({good}).end == "end");
  for (size_t at = 0; at + 2 < good.size(); ++at) {
    for (const char byte : {'\0', '\x01', '\n', '\r', '\x0b', '\x1f', '\x7f'}) {
      std::string bad = good;
      bad.insert(at, 1, byte);
      const Observation seen = observe_request({bad});
      INFO("at " << at << " " << printable(bad));
      CHECK(seen.status == 400);
    }
  }
}

TEST_CASE("refuses bare LF and bare CR as line ends") {
  CHECK(request("GET / HTTP/1.1\nHost: a\n\n").end == "error 400: bare LF in the head");
  CHECK(request("GET / HTTP/1.1\r\nHost: a\n\r\n").end == "error 400: bare LF in the head");
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\n").end == "error 400: bare LF in the head");
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n").end == "error 400: bare CR in the head");
  CHECK(request("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n").end == "error 400: bare CR in the head");
  CHECK(request("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  CHECK(request("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
}

TEST_CASE("refuses a Host that is missing, double or no host") {
  CHECK(request("GET / HTTP/1.1\r\n\r\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").status == 400);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n").status == 400);
  CHECK(request("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n").status == 400);
  for (const char* host : {"", "u@a", "a/b", "a,b", "a b", "a, a", "a\tb", "http://a", "a:b", "a:99999", "a?b", "[::1",
                           "a#b", "a\\b", "a%2fb", "a:80:80", "\xc3\xa4"}) {
    INFO(host);
    CHECK(request(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n").status == 400);
    CHECK(request(std::string("GET / HTTP/1.0\r\nHost: ") + host + "\r\n\r\n").status == 400);
  }
}

TEST_CASE("accepts HTTP/1.0 without Host") {
  const RequestHead& head = head_of("GET / HTTP/1.0", "X: 1");
  CHECK(head.authority.empty());
  CHECK(head.host.empty());
  CHECK_FALSE(head.fields.has(FieldId::host));
  CHECK(request("GET / HTTP/1.0\r\n\r\n").end == "end");
}

TEST_CASE("knows whether the client keeps the connection") {
  struct Row {
    const char* version;
    const char* fields;
    bool keep_alive;
  };
  const Row rows[] = {
      {"HTTP/1.1", "X: 1", true},
      {"HTTP/1.1", "Connection: keep-alive", true},
      {"HTTP/1.1", "Connection: close", false},
      {"HTTP/1.1", "Connection: CLOSE", false},
      {"HTTP/1.1", "Connection: close, keep-alive", false},
      {"HTTP/1.1", "Connection: keep-alive,close", false},
      {"HTTP/1.1", "Connection: keep-alive\r\nConnection: close", false},
      {"HTTP/1.1", "Connection: x ,, close ,", false},
      {"HTTP/1.1", "Connection: closed", true},
      {"HTTP/1.1", "Proxy-Connection: close", true},
      {"HTTP/1.0", "X: 1", false},
      {"HTTP/1.0", "Connection: Keep-Alive", true},
      {"HTTP/1.0", "Connection: upgrade", false},
      {"HTTP/1.0", "Connection: keep-alive, close", false},
      {"HTTP/1.0", "Proxy-Connection: keep-alive", false},
      {"HTTP/1.0", "Keep-Alive: timeout=5", false},
  };
  for (const Row& row : rows) {
    INFO(row.version << " " << row.fields);
    const std::string fields = std::string("Host: a\r\n") + row.fields;
    CHECK(head_of(std::string("GET / ") + row.version, fields).keep_alive == row.keep_alive);
  }
}

TEST_CASE("waits with the body only where 100-continue is expected of 1.1") {
  const auto head = [](const char* line, const char* fields) -> const RequestHead& {
    return head_of(line, std::string("Host: a\r\n") + fields);
  };
  CHECK(head("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 5").expects_continue);
  CHECK(head("POST / HTTP/1.1", "Expect: 100-Continue\r\nTransfer-Encoding: chunked").expects_continue);
  CHECK(head("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 5").fields.has(FieldId::expect));
  CHECK_FALSE(head("POST / HTTP/1.1", "Content-Length: 5").expects_continue);
  CHECK_FALSE(head("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0").expects_continue);
  CHECK_FALSE(head("GET / HTTP/1.1", "Expect: 100-continue").expects_continue);
  const RequestHead& old = head("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5");
  CHECK_FALSE(old.expects_continue);
  CHECK_FALSE(old.fields.has(FieldId::expect));
  CHECK(head("POST / HTTP/1.0", "Expect: 200-maybe").content_length == 0);
}

TEST_CASE("answers every other expectation with 417") {
  for (const char* value : {"200-ok", "100-continue, x", "x, 100-continue", "100-continue\r\nExpect: y",
                            "100-continue;q=1", "100", "\"100-continue\""}) {
    CHECK(with_fields(std::string("Expect: ") + value).status == 417);
  }
}

TEST_CASE("counts every Upgrade that lists websocket as a handshake") {
  for (const char* fields :
       {"Upgrade: websocket", "Upgrade: WebSocket", "Upgrade: websocket/13", "Upgrade: h2c, websocket",
        "Upgrade: websocket, h2c", "Upgrade: h2c\r\nUpgrade: websocket", "upgrade:,websocket,"}) {
    INFO(fields);
    CHECK(head_of("GET / HTTP/1.1", std::string("Host: a\r\n") + fields).is_websocket_handshake);
    CHECK(head_of("POST / HTTP/1.0", std::string("Host: a\r\n") + fields).is_websocket_handshake);
  }
  for (const char* fields : {"Upgrade: h2c", "Upgrade: websockets", "Upgrade: xwebsocket", "X: websocket",
                             "Upgrade:", "Connection: websocket"}) {
    INFO(fields);
    CHECK_FALSE(head_of("GET / HTTP/1.1", std::string("Host: a\r\n") + fields).is_websocket_handshake);
  }
}

TEST_CASE("knows who accepts trailers") {
  CHECK(head_of("GET / HTTP/1.1", "Host: a\r\nTE: trailers").accepts_trailers);
  CHECK(head_of("GET / HTTP/1.1", "Host: a\r\nTE: gzip;q=0.5, Trailers").accepts_trailers);
  CHECK_FALSE(head_of("GET / HTTP/1.1", "Host: a\r\nTE: gzip").accepts_trailers);
  CHECK_FALSE(head_of("GET / HTTP/1.1", "Host: a\r\nTrailer: x").accepts_trailers);
}

TEST_CASE("refuses names that a CGI host would take for a field the proxy acts upon") {
  for (const char* name : {"Content_Length", "Transfer_Encoding", "transfer.encoding", "X_HTTP_Method_Override",
                           "X-HTTP_Method-Override", "X.Forwarded.For", "x!method!override", "Content~Type",
                           "X-HTTP-Method_Override", "Proxy_Connection", "HTTP2_Settings"}) {
    INFO(name);
    CHECK(with_fields(std::string(name) + ": 5").end == "error 400: field name in disguise");
  }
  for (const char* name : {"X_Custom", "session_id", "Host_", "_Host", "X.Y", "Content_Lengths"}) {
    INFO(name);
    CHECK(with_fields(std::string(name) + ": 5").end == "end");
  }
}

TEST_CASE("refuses more connection options than anybody means well with") {
  const auto with_options = [](int count) {
    std::string value = "a";
    for (int i = 1; i < count; ++i) value += ",a";
    return observe_request({"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + value + "\r\n\r\n"});
  };
  CHECK(with_options(64).end == "end");
  CHECK(with_options(65).status == 400);
}

}  // namespace halfdoor::test
