#include "config/host_table.h"

#include <catch2/catch.hpp>

namespace halfdoor {

namespace {

Config with_hosts(std::vector<std::vector<std::string>> hosts) {
  Config config;
  for (std::vector<std::string>& of_service : hosts) config.services.emplace_back().hosts = std::move(of_service);
  return config;
}

}  // namespace

TEST_CASE("an exact host beats every wildcard, the longest wildcard the others, and those the rest") {
  const HostTable table(with_hosts(
      {{"*.salon.example", "*.example"}, {"www.salon.example", "salon.example"}, {}, {"*.eu.salon.example"}}));
  CHECK(table.find("www.salon.example") == 1);
  CHECK(table.find("salon.example") == 1);
  CHECK(table.find("shop.salon.example") == 0);
  CHECK(table.find("a.b.salon.example") == 0);
  CHECK(table.find("a.www.salon.example") == 0);
  CHECK(table.find("a.eu.salon.example") == 3);
  CHECK(table.find("a.b.eu.salon.example") == 3);
  CHECK(table.find("eu.salon.example") == 0);
  CHECK(table.find("other.example") == 0);
  CHECK(table.find("example") == 2);
  CHECK(table.find("other.org") == 2);
  CHECK(table.find("") == 2);
}

TEST_CASE("a wildcard does not stand for nothing, nor for a part of a label") {
  const HostTable table(with_hosts({{"*.salon.example"}}));
  CHECK_FALSE(table.find("salon.example"));
  CHECK_FALSE(table.find(".salon.example"));
  CHECK_FALSE(table.find("beautysalon.example"));
  CHECK_FALSE(table.find("salon.example.org"));
  CHECK(table.find("a.salon.example") == 0);
}

TEST_CASE("no service without hosts: an unknown host has none") {
  const HostTable table(with_hosts({{"a.example"}, {"b.example"}}));
  CHECK(table.find("a.example") == 0);
  CHECK(table.find("b.example") == 1);
  CHECK_FALSE(table.find("c.example"));
  CHECK_FALSE(table.find(""));
  CHECK_FALSE(table.find("."));
}

}  // namespace halfdoor
