// The WebSocket handshake, both halves (RFC 6455 4).
#include "exchange/websocket.h"

#include <catch2/catch.hpp>

#include "http/response_parser.h"
#include "test/unit/exchange/parsed_request.h"

using namespace halfdoor;

namespace {

const std::string kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n";
const std::string kVersion = "Sec-WebSocket-Version: 13\n";
const std::string kUpgrade = "Connection: keep-alive, Upgrade\nUpgrade: websocket\n";

bool is_good(std::string_view line, const std::string& fields) {
  const auto request = parse_request(line, fields);
  REQUIRE(request->is_valid());
  REQUIRE(request->head().is_websocket_handshake);
  return find_handshake_flaw(request->head()).empty();
}

bool is_granted(const std::string& fields, std::string_view version = "1.1") {
  const auto request = parse_request("GET /live", kUpgrade + kKey + kVersion);
  ResponseHead head;
  const std::string text = "HTTP/" + std::string(version) + " 101 Switching Protocols\r\n" + fields;
  REQUIRE(parse_response_head(text, 100, {false, true}, head).empty());
  return find_upgrade_flaw(request->head(), head).empty();
}

}  // namespace

TEST_CASE("the accept value is that of the RFC's example") {
  CHECK(make_websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("a handshake as browsers and libraries send it is well-formed") {
  CHECK(is_good("GET /live", kUpgrade + kKey + kVersion));
  CHECK(is_good("GET /live?x=1", "connection: UPGRADE\nupgrade: WebSocket\n" + kKey + kVersion));
  CHECK(is_good("GET /", "Connection: keep-alive\nConnection: upgrade\nUpgrade: ,websocket,\n" + kKey + kVersion));
  // A version that we do not know is for the server to refuse.
  CHECK(is_good("GET /", kUpgrade + kKey + "Sec-WebSocket-Version: 99\n"));
  CHECK(is_good("GET /", kUpgrade + kKey + "Sec-WebSocket-Version: 0\n"));
  CHECK(
      is_good("GET /", kUpgrade + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAA+/w==\n" + kVersion + "Content-Length: 0\n"));
}

TEST_CASE("what is no handshake that every server reads alike is ill-formed") {
  const std::string all = kUpgrade + kKey + kVersion;
  for (const char* method : {"POST", "HEAD", "OPTIONS", "get", "PUT"}) {
    INFO(method);
    CHECK_FALSE(is_good(std::string(method) + " /live", all));
  }
  CHECK_FALSE(is_good("GET /", all + "Content-Length: 1\n"));
  CHECK_FALSE(is_good("GET /", all + "Transfer-Encoding: chunked\n"));
  const std::string rest = kKey + kVersion;
  for (const std::string& upgrade :
       {std::string("Upgrade: websocket\n"), std::string("Connection: close\nUpgrade: websocket\n"),
        std::string("Connection: xupgrade\nUpgrade: websocket\n"),
        std::string("Connection: Upgrade\nUpgrade: websocket, h2c\n"),
        std::string("Connection: Upgrade\nUpgrade: h2c, websocket\n"),
        std::string("Connection: Upgrade\nUpgrade: h2c\nUpgrade: websocket\n"),
        std::string("Connection: Upgrade\nUpgrade: websocket\nUpgrade: websocket\n"),
        std::string("Connection: Upgrade\nUpgrade: websocket/13\n")}) {
    INFO(upgrade);
    CHECK_FALSE(is_good("GET /", upgrade + rest));
  }
  for (const char* value : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
                            "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j-Q==", "dGhlIHNhbXBsZSBub25jZQAA",
                            "dGhlIHNhbXBsZSBub25j ZQ=", "dGhlIHNhbXBsZSBub25jZQ==,", "dGhlIHNhbXBs"}) {
    INFO(value);
    CHECK_FALSE(is_good("GET /", kUpgrade + "Sec-WebSocket-Key: " + value + "\n" + kVersion));
  }
  CHECK_FALSE(is_good("GET /", kUpgrade + kVersion));
  CHECK_FALSE(is_good("GET /", kUpgrade + kKey + kKey + kVersion));
  CHECK_FALSE(is_good("GET /", kUpgrade + kKey));
  CHECK_FALSE(is_good("GET /", kUpgrade + kKey + kVersion + kVersion));
  for (const char* value : {"", "x", "013", "256", "13, 8", "-1", "1300", "1 3"}) {
    INFO(value);
    CHECK_FALSE(is_good("GET /", kUpgrade + kKey + "Sec-WebSocket-Version: " + value + "\n"));
  }
}

TEST_CASE("only the 101 that was asked for opens a tunnel") {
  const std::string upgrade = "Upgrade: websocket\r\n";
  const std::string connection = "Connection: Upgrade\r\n";
  const std::string accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  CHECK(is_granted(upgrade + connection + accept));
  CHECK(
      is_granted("upgrade: WEBSOCKET\r\nconnection: keep-alive, upgrade\r\nsec-websocket-accept: "
                 "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\nContent-Length: 0\r\n"));
  CHECK_FALSE(is_granted(upgrade + connection + accept, "1.0"));
  CHECK_FALSE(is_granted(connection + accept));
  CHECK_FALSE(is_granted("Upgrade: h2c\r\n" + connection + accept));
  CHECK_FALSE(is_granted("Upgrade: websocket, h2c\r\n" + connection + accept));
  CHECK_FALSE(is_granted(upgrade + accept));
  CHECK_FALSE(is_granted(upgrade + "Connection: close\r\n" + accept));
  CHECK_FALSE(is_granted(upgrade + connection));
  CHECK_FALSE(is_granted(upgrade + connection + accept + accept));
  CHECK_FALSE(is_granted(upgrade + connection + "Sec-WebSocket-Accept:\r\n"));
  CHECK_FALSE(is_granted(upgrade + connection + "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  CHECK_FALSE(is_granted(upgrade + connection + accept + "Content-Length: 5\r\n"));
  CHECK_FALSE(is_granted(upgrade + connection + accept + "Transfer-Encoding: chunked\r\n"));
}
