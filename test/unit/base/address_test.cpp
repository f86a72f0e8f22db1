#include "base/address.h"

#include <netinet/in.h>

#include <catch2/catch.hpp>
#include <cstring>

namespace halfdoor {

namespace {

Address address(std::string_view text) { return Address::parse(text).value(); }
Network network(std::string_view text) { return Network::parse(text).value(); }

}  // namespace

TEST_CASE("addresses read back as they are written") {
  for (const char* text :
       {"10.0.0.10:8080", "0.0.0.0:0", "[::1]:80", "[2001:db8::5]:65535", "[::]:80", "unix:/run/x.sock"}) {
    CHECK(address(text).text() == text);
  }
  CHECK(address("[2001:DB8:0:0::5]:080").text() == "[2001:db8::5]:80");
}

TEST_CASE("an address is what the kernel takes") {
  const Address v4 = address("10.0.0.10:8080");
  REQUIRE(v4.family() == AF_INET);
  CHECK(v4.length() == sizeof(sockaddr_in));
  const auto* in = reinterpret_cast<const sockaddr_in*>(v4.socket_address());
  CHECK(ntohs(in->sin_port) == 8080);
  CHECK(ntohl(in->sin_addr.s_addr) == 0x0a00000a);
  CHECK(v4.host_text() == "10.0.0.10");
  CHECK(v4.port() == 8080);

  const Address v6 = address("[::1]:80");
  CHECK(v6.family() == AF_INET6);
  CHECK(v6.length() == sizeof(sockaddr_in6));
  CHECK(v6.host_text() == "::1");
  CHECK(v6.port() == 80);

  const Address local = address("unix:/run/x.sock");
  CHECK(local.is_unix());
  CHECK(local.port() == 0);
  CHECK(local.host_text() == "unix:");
  CHECK(std::strcmp(reinterpret_cast<const sockaddr_un*>(local.socket_address())->sun_path, "/run/x.sock") == 0);
  CHECK(local.length() == offsetof(sockaddr_un, sun_path) + sizeof("/run/x.sock"));
}

TEST_CASE("a port can be set") {
  Address v4 = address("10.0.0.10:0"), v6 = address("[::1]:0"), local = address("unix:/x");
  for (Address* each : {&v4, &v6, &local}) each->set_port(4711);
  CHECK(v4.text() == "10.0.0.10:4711");
  CHECK(v6.text() == "[::1]:4711");
  CHECK(local.text() == "unix:/x");
}

TEST_CASE("a client without a name on a Unix socket has a text, too") {
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  CHECK(Address::from_socket(reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t)).text() == "unix:");
}

TEST_CASE("what is not an address says how to write one") {
  using Pair = std::pair<std::string, std::string>;
  const auto pair = GENERATE(values<Pair>({
      {"", "has no port"},
      {"10.0.0.10", "write address:port"},
      {"10.0.0.10:", "port from 0 to 65535"},
      {"10.0.0.10:65536", "port from 0 to 65535"},
      {"10.0.0.10:-1", "port from 0 to 65535"},
      {"10.0.0.10:http", "port from 0 to 65535"},
      {"10.0.0.256:80", "is not an IP address and port"},
      {"10.0.0:80", "is not an IP address and port"},
      {"localhost:80", "is not an IP address and port"},
      {":80", "is not an IP address and port"},
      {"[]:80", "is not an IP address and port"},
      {"[10.0.0.1:80", "is not an IP address and port"},
      {"::1:80", "in brackets"},
      {"[::g]:80", "is not an IP address and port"},
      {"unix:", "absolute path"},
      {"unix:x.sock", "absolute path"},
      {std::string("[::1\0x]:80", 10), "is not an IP address and port"},
      {std::string("10.0.0.1\0:80", 12), "is not an IP address and port"},
      {std::string("unix:/a\0b", 9), "NUL in its path"},
  }));
  const Result<Address> parsed = Address::parse(pair.first);
  INFO(pair.first);
  REQUIRE_FALSE(parsed.ok());
  CHECK_THAT(parsed.error().message, Catch::Contains(pair.second));
}

TEST_CASE("the path of a Unix socket fits into a socket address or is refused") {
  CHECK(address("unix:/" + std::string(106, 'x')).text().size() == 112);
  const Result<Address> longer = Address::parse("unix:/" + std::string(107, 'x'));
  REQUIRE_FALSE(longer.ok());
  CHECK_THAT(longer.error().message, Catch::Contains("at most 107 bytes"));
}

TEST_CASE("addresses are equal by what they reach") {
  CHECK(address("10.0.0.1:80") == address("10.0.0.1:80"));
  CHECK(address("10.0.0.1:80") == address("[::ffff:10.0.0.1]:80"));
  CHECK(address("[::1]:80") == address("[0:0::1]:80"));
  CHECK(address("unix:/a") == address("unix:/a"));
  CHECK_FALSE(address("10.0.0.1:80") == address("10.0.0.1:81"));
  CHECK_FALSE(address("10.0.0.1:80") == address("10.0.0.2:80"));
  CHECK_FALSE(address("[::1]:80") == address("[::2]:80"));
  CHECK_FALSE(address("unix:/a") == address("unix:/b"));
  CHECK_FALSE(address("unix:/a") == address("10.0.0.1:80"));
}

TEST_CASE("a client of a dual-stack listener reads as IPv4") {
  CHECK(address("[::ffff:10.0.0.1]:80").text() == "10.0.0.1:80");
  CHECK(address("[::ffff:10.0.0.1]:80").host_text() == "10.0.0.1");
}

TEST_CASE("a network contains exactly the addresses of its prefix") {
  struct Row {
    const char* network;
    const char* inside;
    const char* outside;
  };
  const Row row = GENERATE(values<Row>({
      {"10.0.0.0/8", "10.255.255.255:1", "11.0.0.0:1"},
      {"10.9.8.7/8", "10.0.0.0:1", "9.255.255.255:1"},
      {"192.168.1.128/25", "192.168.1.128:1", "192.168.1.127:1"},
      {"192.168.1.128/25", "192.168.1.255:1", "192.168.2.0:1"},
      {"10.0.0.1", "10.0.0.1:1", "10.0.0.0:1"},
      {"10.0.0.1/32", "[::ffff:10.0.0.1]:1", "10.0.0.3:1"},
      {"10.0.0.0/31", "10.0.0.1:1", "10.0.0.2:1"},
      {"0.0.0.0/0", "255.1.2.3:1", "[::1]:1"},
      {"::1", "[::1]:1", "[::2]:1"},
      {"2001:db8::/32", "[2001:db8:ffff::1]:1", "[2001:db9::]:1"},
      {"2001:db8::/33", "[2001:db8:7fff::1]:1", "[2001:db8:8000::1]:1"},
      {"::ffff:10.0.0.0/104", "10.1.2.3:1", "11.1.2.3:1"},
      {"fe80::/10", "[febf::1]:1", "[fec0::1]:1"},
      {"0.0.0.0/0", "127.0.0.1:1", "unix:/x"},
  }));
  INFO(row.network);
  CHECK(network(row.network).contains(address(row.inside)));
  CHECK_FALSE(network(row.network).contains(address(row.outside)));
}

TEST_CASE("what is not a network says how to write one") {
  for (const char* text : {"", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8",
                           "proxy.example", "10.0.0.1:80", "[::1]", "unix:/x"}) {
    INFO(text);
    CHECK_FALSE(Network::parse(text).ok());
  }
  CHECK_FALSE(Network::parse(std::string_view("10.0.0.0\0x/8", 12)).ok());
  CHECK_THAT(Network::parse("10.0.0.0/33").error().message, Catch::Contains("from 0 to 32"));
}

}  // namespace halfdoor
