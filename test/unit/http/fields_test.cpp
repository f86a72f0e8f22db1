// FieldList and the names that the proxy knows.
#include <catch2/catch.hpp>

#include "base/text.h"
#include "http/head.h"

namespace halfdoor::test {
namespace {

std::string listed(const FieldList& fields) {
  std::string text;
  for (const Field& field : fields) text.append(field.name).append("=").append(field.value).append(" ");
  return text;
}

}  // namespace

TEST_CASE("knows each name in any case, and nothing that is only similar") {
  const std::pair<std::string_view, FieldId> known[] = {
      {"Accept", FieldId::accept},
      {"Accept-Language", FieldId::accept_language},
      {"Authorization", FieldId::authorization},
      {"Cache-Control", FieldId::cache_control},
      {"Connection", FieldId::connection},
      {"Content-Encoding", FieldId::content_encoding},
      {"Content-Length", FieldId::content_length},
      {"Content-Type", FieldId::content_type},
      {"Cookie", FieldId::cookie},
      {"Date", FieldId::date},
      {"Expect", FieldId::expect},
      {"Forwarded", FieldId::forwarded},
      {"Halfdoor-Mode", FieldId::halfdoor_mode},
      {"Halfdoor-Served-By", FieldId::halfdoor_served_by},
      {"Host", FieldId::host},
      {"HTTP2-Settings", FieldId::http2_settings},
      {"Keep-Alive", FieldId::keep_alive},
      {"Max-Forwards", FieldId::max_forwards},
      {"Origin", FieldId::origin},
      {"Proxy-Authenticate", FieldId::proxy_authenticate},
      {"Proxy-Authorization", FieldId::proxy_authorization},
      {"Proxy-Connection", FieldId::proxy_connection},
      {"Retry-After", FieldId::retry_after},
      {"Sec-Fetch-Dest", FieldId::sec_fetch_dest},
      {"Sec-Fetch-Mode", FieldId::sec_fetch_mode},
      {"Sec-WebSocket-Key", FieldId::sec_websocket_key},
      {"Sec-WebSocket-Version", FieldId::sec_websocket_version},
      {"TE", FieldId::te},
      {"Trailer", FieldId::trailer},
      {"Transfer-Encoding", FieldId::transfer_encoding},
      {"Upgrade", FieldId::upgrade},
      {"Via", FieldId::via},
      {"X-Forwarded-For", FieldId::x_forwarded_for},
      {"X-Forwarded-Host", FieldId::x_forwarded_host},
      {"X-Forwarded-Port", FieldId::x_forwarded_port},
      {"X-Forwarded-Proto", FieldId::x_forwarded_proto},
      {"X-HTTP-Method", FieldId::x_http_method},
      {"X-HTTP-Method-Override", FieldId::x_http_method_override},
      {"X-Method-Override", FieldId::x_method_override},
      {"X-Request-Id", FieldId::x_request_id},
      {"X-Requested-With", FieldId::x_requested_with},
  };
  CHECK(std::size(known) == static_cast<size_t>(FieldId::x_requested_with));
  for (const auto& [name, id] : known) {
    INFO(name);
    CHECK(find_field_id(name) == id);
    CHECK(find_field_id(to_lower(name)) == id);
    CHECK(find_field_id(std::string(name) + "x") == FieldId::other);
    CHECK(find_field_id(name.substr(1)) == FieldId::other);
    std::string similar(name);
    similar.back() = static_cast<char>(similar.back() ^ 1);
    CHECK(find_field_id(similar) == FieldId::other);
  }
  CHECK(find_field_id("") == FieldId::other);
  CHECK(find_field_id(std::string(10000, 'x')) == FieldId::other);
}

TEST_CASE("sets, finds, counts and removes fields") {
  FieldList fields;
  fields.add("A", "1");
  fields.add("Host", "h");
  fields.add("a", "2");
  fields.add("Date", "d");
  fields.add("host", "i");
  CHECK(fields.count(FieldId::host) == 2);
  CHECK(fields.find(FieldId::host)->value == "h");
  CHECK(fields.find("DATE")->value == "d");
  CHECK(fields.find("b") == nullptr);
  fields.set(FieldId::host, "Host", "new");
  CHECK(listed(fields) == "A=1 Host=new a=2 Date=d ");
  fields.set(FieldId::other, "a", "3");
  CHECK(listed(fields) == "a=3 Host=new Date=d ");
  fields.set(FieldId::via, "Via", "x");
  CHECK(listed(fields) == "a=3 Host=new Date=d Via=x ");
  fields.remove(FieldId::date);
  fields.remove(FieldId::origin);
  CHECK(listed(fields) == "a=3 Host=new Via=x ");
  CHECK_FALSE(fields.has(FieldId::date));
  fields.clear();
  CHECK(fields.empty());
}

TEST_CASE("clearing a head brings back every default") {
  RequestHead request;
  request.method = "POST";
  request.target = request.path = request.query = request.authority = request.host = "x";
  request.has_query = request.expects_continue = request.is_websocket_handshake = request.accepts_trailers = true;
  request.minor_version = 0;
  request.keep_alive = false;
  request.framing = BodyFraming::chunked;
  request.content_length = 5;
  request.fields.add("A", "1");
  request.clear();
  CHECK(request.method.empty());
  CHECK(request.target.empty());
  CHECK(request.host.empty());
  CHECK(request.authority.empty());
  CHECK_FALSE(
      (request.has_query || request.expects_continue || request.is_websocket_handshake || request.accepts_trailers));
  CHECK(request.minor_version == 1);
  CHECK(request.keep_alive);
  CHECK_FALSE(request.has_body());
  CHECK(request.content_length == 0);
  CHECK(request.fields.empty());
  ResponseHead response;
  response.status = 200;
  response.has_content_length = true;
  response.keep_alive_timeout_s = 5;
  response.fields.add("A", "1");
  response.clear();
  CHECK(response.status == 0);
  CHECK_FALSE(response.has_content_length);
  CHECK(response.keep_alive_timeout_s == -1);
  CHECK(response.fields.empty());
}

}  // namespace halfdoor::test
