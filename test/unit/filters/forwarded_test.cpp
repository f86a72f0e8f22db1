#include "filters/forwarded.h"

#include <catch2/catch.hpp>

#include "filters/request_id.h"
#include "filters/via.h"
#include "test/unit/filters/filter_fixture.h"

namespace halfdoor {
namespace {

// What the host receives.
struct Sent {
  std::string for_, host, port, proto, forwarded;
  size_t lines = 0;
};

Sent send(FilterFixture& fixture, std::string_view fields, std::string_view line = "GET /") {
  RequestHead head = fixture.receive(line, fields);
  REQUIRE(fixture.request->is_valid());
  ForwardedFilter().rewrite_request(fixture.context, head);
  const auto value = [&](std::string_view name) { return values_of(head.fields, name); };
  return {value("X-Forwarded-For"),   value("X-Forwarded-Host"), value("X-Forwarded-Port"),
          value("X-Forwarded-Proto"), value("Forwarded"),        head.fields.size()};
}

constexpr std::string_view kForged =
    "X-Forwarded-For: 10.9.9.9\nX-Forwarded-For: 10.8.8.8\nX-Forwarded-Host: evil.example\nX-Forwarded-Port: 1\n"
    "X-Forwarded-Proto: https\nForwarded: for=10.9.9.9\nX-Forwarded-Prefix: /evil\nX_Forwarded_Ssl: on\n"
    "x-forwarded-server: evil\n";

}  // namespace

TEST_CASE("replaces_what_an_untrusted_client_says_about_itself") {
  FilterFixture fixture;
  const Sent sent = send(fixture, kForged);
  CHECK(sent.for_ == "203.0.113.9");
  CHECK(sent.host == "www.salon.example");
  CHECK(sent.port == "8080");
  CHECK(sent.proto == "http");
  CHECK(sent.forwarded == "for=203.0.113.9;host=www.salon.example;proto=http");
  // Host and ours: nothing else of theirs is left.
  CHECK(sent.lines == 6);
  const Sent bare = send(fixture, "");
  CHECK(bare.for_ == sent.for_);
  CHECK(bare.forwarded == sent.forwarded);
  CHECK(bare.lines == 6);
}

TEST_CASE("appends_to_what_a_trusted_proxy_says") {
  FilterFixture fixture;
  fixture.context.peer_is_trusted = true;
  const Sent sent =
      send(fixture,
           "X-Forwarded-For: 192.0.2.1\nX-Forwarded-For: 192.0.2.2, 192.0.2.3\nX-Forwarded-Host: shop.example\n"
           "X-Forwarded-Port: 443\nX-Forwarded-Proto: https\nForwarded: for=192.0.2.1\nForwarded: "
           "for=192.0.2.3;proto=https\nX-Forwarded-Prefix: /shop\n");
  CHECK(sent.for_ == "192.0.2.1, 192.0.2.2, 192.0.2.3, 203.0.113.9");
  CHECK(sent.host == "shop.example");
  CHECK(sent.port == "443");
  CHECK(sent.proto == "https");
  CHECK(sent.forwarded ==
        "for=192.0.2.1, for=192.0.2.3;proto=https, for=203.0.113.9;host=www.salon.example;proto=http");
  CHECK(sent.lines == 7);
}

TEST_CASE("a_trusted_proxy_that_says_little_is_completed") {
  FilterFixture fixture;
  fixture.context.peer_is_trusted = true;
  const Sent silent = send(fixture, "");
  CHECK(silent.for_ == "203.0.113.9");
  CHECK(silent.host == "www.salon.example");
  CHECK(silent.port == "8080");
  CHECK(silent.proto == "http");
  CHECK(silent.forwarded == "for=203.0.113.9;host=www.salon.example;proto=http");
  // Forwarded, begun here, would name the proxy as the client.
  const Sent classic = send(fixture, "X-Forwarded-For: 192.0.2.1\n");
  CHECK(classic.for_ == "192.0.2.1, 203.0.113.9");
  CHECK(classic.forwarded == "-");
  const Sent modern = send(fixture, "Forwarded: for=192.0.2.1\n");
  CHECK(modern.for_ == "203.0.113.9");
  CHECK(modern.forwarded == "for=192.0.2.1, for=203.0.113.9;host=www.salon.example;proto=http");
  const Sent empty = send(fixture, "X-Forwarded-For:\n");
  CHECK(empty.for_ == "203.0.113.9");
}

TEST_CASE("addresses_and_hosts_of_every_kind") {
  FilterFixture fixture;
  fixture.context.client_address = "2001:db8::7";
  fixture.context.server_name = "[2001:db8::1]:443";
  fixture.context.is_tls = true;
  Sent sent = send(fixture, "");
  CHECK(sent.for_ == "2001:db8::7");
  CHECK(sent.port == "443");
  CHECK(sent.proto == "https");
  CHECK(sent.forwarded == "for=\"[2001:db8::7]\";host=www.salon.example;proto=https");

  fixture.context.client_address = "unix:";
  fixture.context.server_name = "unix:/run/halfdoor.sock";
  sent = send(fixture, kForged);
  CHECK(sent.for_ == "-");
  CHECK(sent.port == "-");
  CHECK(sent.forwarded == "for=unknown;host=www.salon.example;proto=https");

  // A host with a port is no token.
  ParsedRequest with_port("GET / HTTP/1.1\nHost: Salon.example:8080\n");
  RequestHead head = with_port.head();
  fixture.context.request = &with_port.head();
  ForwardedFilter().rewrite_request(fixture.context, head);
  CHECK(values_of(head.fields, "Forwarded") == "for=unknown;host=\"Salon.example:8080\";proto=https");
  CHECK(values_of(head.fields, "X-Forwarded-Host") == "Salon.example:8080");

  ParsedRequest without_host("GET / HTTP/1.0\n");
  head = without_host.head();
  fixture.context.request = &without_host.head();
  ForwardedFilter().rewrite_request(fixture.context, head);
  CHECK(values_of(head.fields, "Forwarded") == "for=unknown;proto=https");
  CHECK(values_of(head.fields, "X-Forwarded-Host") == "-");
}

TEST_CASE("the_host_of_an_absolute_target_counts") {
  FilterFixture fixture;
  const Sent sent = send(fixture, "", "GET http://other.salon.example/");
  CHECK(sent.host == "other.salon.example");
  CHECK(sent.forwarded == "for=203.0.113.9;host=other.salon.example;proto=http");
}

TEST_CASE("names_the_proxy_to_the_host") {
  FilterFixture fixture;
  RequestHead head = fixture.receive("GET /", "Via: 1.1 edge\n");
  ViaFilter().rewrite_request(fixture.context, head);
  CHECK(values_of(head.fields, "Via") == "1.1 edge | 1.1 halfdoor");
  ParsedRequest old("GET / HTTP/1.0\n");
  ViaFilter().rewrite_request(fixture.context, old.head());
  CHECK(values_of(old.head().fields, "Via") == "1.0 halfdoor");
}

TEST_CASE("the_request_id_is_the_same_everywhere") {
  FilterFixture fixture;
  RequestHead head = fixture.receive("GET /", "X-Request-Id: forged\nX-Request-Id: twice\n");
  RequestIdFilter().rewrite_request(fixture.context, head);
  CHECK(values_of(head.fields, "X-Request-Id") == "01HF-id");
  ResponseHead response;
  response.fields.add("X-Request-Id", "of the host");
  RequestIdFilter().rewrite_response(fixture.context, response);
  CHECK(values_of(response.fields, "X-Request-Id") == "01HF-id");
}

}  // namespace halfdoor
