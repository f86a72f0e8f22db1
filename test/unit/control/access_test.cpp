#include "control/access.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "control/descriptors.h"
#include "folder.h"

namespace halfdoor {

namespace {

constexpr char kToken[] = "a-token-of-some-length";

AccessRequest change_with(const std::string& authorization) {
  return {"POST", "127.0.0.1:9900", authorization, "application/json"};
}

}  // namespace

TEST_CASE("anybody_who_names_the_machine_by_address_may_read") {
  for (const char* host : {"127.0.0.1:9900", "localhost:9900", "localhost", "[::1]:9900", "10.0.0.1"}) {
    CAPTURE(host);
    CHECK(judge_tcp_access({"GET", host, "", ""}, "").status == 200);
  }
}

TEST_CASE("a_page_that_rebinds_its_name_to_this_machine_may_not_read") {
  for (const char* host :
       {"evil.example:9900", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""}) {
    CAPTURE(host);
    CHECK(judge_tcp_access({"GET", host, "", ""}, kToken).status == 403);
  }
  CHECK(judge_tcp_access({"GET", "halfdoor.internal:9900", std::string("Bearer ") + kToken, ""}, kToken).status == 200);
}

TEST_CASE("changes_over_tcp_are_off_without_a_token_file") {
  CHECK(judge_tcp_access(change_with(""), "").status == 403);
  CHECK(judge_tcp_access(change_with("Bearer "), "").status == 403);
}

TEST_CASE("changes_over_tcp_need_the_whole_token") {
  CHECK(judge_tcp_access(change_with(std::string("Bearer ") + kToken), kToken).status == 200);
  CHECK(judge_tcp_access(change_with(std::string("bearer  ") + kToken), kToken).status == 200);
  for (const char* given :
       {"", "Bearer", "Bearer ", "Bearer a-token-of-some-lengt", "Bearer a-token-of-some-length2",
        "Bearer a-token-of-some-lengta", "Basic a-token-of-some-length", "a-token-of-some-length"}) {
    CAPTURE(given);
    CHECK(judge_tcp_access(change_with(given), kToken).status == 401);
  }
}

TEST_CASE("a_form_of_a_foreign_page_cannot_change_anything") {
  AccessRequest request = change_with(std::string("Bearer ") + kToken);
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"}) {
    request.content_type = type;
    CHECK(judge_tcp_access(request, kToken).status == 415);
  }
  request.content_type = "Application/JSON; charset=utf-8";
  CHECK(judge_tcp_access(request, kToken).status == 200);
}

TEST_CASE("a_token_file_is_read_to_its_first_line_and_has_to_be_private_and_long") {
  const Folder folder;
  const std::string path = folder.path + "/token";
  const auto write = [&](const std::string& text, mode_t mode) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
  };
  CHECK_FALSE(read_token(path));
  write("0123456789abcdef\nmore\n", 0600);
  CHECK(*read_token(path) == "0123456789abcdef");
  write("0123456789abcde\n", 0600);
  CHECK_FALSE(read_token(path));
  write("0123456789abcdef\n", 0644);
  CHECK_FALSE(read_token(path));
}

TEST_CASE("connections_follow_from_the_descriptors") {
  Config config;
  config.workers = 2;
  config.listeners.resize(1);
  config.services.resize(1);
  for (SideConfig& side : config.services[0].sides) side.servers.resize(1);
  // 32 in reserve, 128 for the control API, a check of each server, and per worker a listener with its spare, two servers and four of its own.
  CHECK(*connections_within(config, 0, 1024) == (1024 - 32 - 128 - 2 - 2 * 8) / 2);
  CHECK(*connections_within(config, 100, 1024) == 100);
  CHECK(*connections_within(config, 423, 1024) == 423);
  CHECK_FALSE(connections_within(config, 424, 1024));
  CHECK_FALSE(connections_within(config, 424, 1025));
  CHECK(*connections_within(config, 424, 1026) == 424);
  CHECK_FALSE(connections_within(config, 0, 178 + 2 * 16 - 1));
  CHECK(*connections_within(config, 0, 178 + 2 * 16) == 16);
  // However many servers, no more checks are in flight at one time than there may be.
  config.services.resize(1'000, config.services[0]);
  CHECK(*connections_within(config, 0, 20'000) == (20'000 - 32 - 128 - 256 - 2 * 2'006) / 2);
  CHECK(*connections_within(config, 0, uint64_t{1} << 40) == kMostDefaultConnections);
}

}  // namespace halfdoor
