#include "failover/side_record.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "fixtures.h"

namespace halfdoor {
namespace {

ServiceConfig service_with(std::vector<std::string> primary, std::vector<std::string> backup) {
  ServiceConfig service;
  service.name = "salon";
  for (std::string& name : primary) service.sides[0].servers.push_back({std::move(name), {}});
  for (std::string& name : backup) service.sides[1].servers.push_back({std::move(name), {}});
  return service;
}

TEST_CASE("sides_that_were_swapped_between_two_starts_are_named") {
  const TemporaryFolder folder;
  const std::string path = side_record_path(folder.path(), "salon");
  REQUIRE(write_side_record(path, service_with({"10.0.0.1:80", "10.0.0.2:80"}, {"10.9.0.1:80"})).ok());
  CHECK(servers_on_other_side(path, service_with({"10.9.0.1:80"}, {"10.0.0.1:80"})) ==
        std::vector<std::string>{"10.0.0.1:80 (was primary, is backup)", "10.9.0.1:80 (was backup, is primary)"});
}

TEST_CASE("servers_that_came_went_or_stayed_are_not_named") {
  const TemporaryFolder folder;
  const std::string path = side_record_path(folder.path(), "salon");
  CHECK(servers_on_other_side(path, service_with({"10.0.0.1:80"}, {"10.9.0.1:80"})).empty());
  REQUIRE(write_side_record(path, service_with({"10.0.0.1:80", "10.0.0.2:80"}, {"10.9.0.1:80"})).ok());
  CHECK(servers_on_other_side(path, service_with({"10.0.0.2:80", "10.0.0.3:80"}, {"10.9.0.2:80"})).empty());
}

TEST_CASE("a_record_that_cannot_be_read_names_nobody_and_is_replaced") {
  const TemporaryFolder folder;
  const std::string path = side_record_path(folder.path(), "salon");
  std::ofstream(path) << "{\"primary\": [\"10.0.0.1";
  CHECK(servers_on_other_side(path, service_with({"10.9.0.1:80"}, {"10.0.0.1:80"})).empty());
  REQUIRE(write_side_record(path, service_with({"10.9.0.1:80"}, {"10.0.0.1:80"})).ok());
  CHECK(servers_on_other_side(path, service_with({"10.0.0.1:80"}, {"10.9.0.1:80"})).size() == 2);
}

}  // namespace
}  // namespace halfdoor
