#include "control/mode_body.h"

#include <catch2/catch.hpp>

namespace halfdoor {

namespace {

constexpr Milliseconds kDefault{30'000};
const WallTime kNow = *parse_rfc3339("2026-11-22T12:00:00Z");

std::string problem_of(const std::string& body) {
  const Result<ModeRequest> parsed = parse_mode_body(body, kDefault, kNow);
  return parsed ? "" : parsed.error().message;
}

}  // namespace

TEST_CASE("reads_every_key_of_a_mode_change") {
  const auto request = parse_mode_body(
      R"({"mode":"backup-readonly","reason":"disk","until":"2026-11-22T18:00:00Z","override":["minimum-stay"],
          "dry_run":true,"wait_ms":0,"expect_epoch":7})",
      kDefault, kNow);
  REQUIRE(request);
  CHECK(request->mode == Mode::backup_readonly);
  CHECK(request->reason == "disk");
  CHECK(request->until == parse_rfc3339("2026-11-22T18:00:00Z"));
  CHECK(request->overrides == std::vector<Guard>{Guard::minimum_stay});
  CHECK(request->dry_run);
  CHECK(request->wait == Milliseconds(0));
  CHECK(request->expect_epoch == 7);
}

TEST_CASE("null_and_left_out_are_the_same") {
  const auto request = parse_mode_body(R"({"mode":"closed","reason":null,"until":null,"override":null,"wait_ms":null,
                                           "dry_run":null,"expect_epoch":null})",
                                       kDefault, kNow);
  REQUIRE(request);
  CHECK_FALSE(request->reason);
  CHECK(request->wait == kDefault);
}

TEST_CASE("names_the_key_that_is_wrong") {
  CHECK(problem_of(R"({"mode":"open"})").find("\"mode\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":7})").find("\"mode\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","until":"soon"})").find("\"until\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","until":"2026-11-22T11:00:00Z"})").find("over already") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","override":"minimum-stay"})").find("\"override\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","override":["no-such-rule"]})").find("no-such-rule") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","wait_ms":-1})").find("\"wait_ms\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","wait_ms":1e300})").find("\"wait_ms\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","wait_ms":99999999999})").find("\"wait_ms\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","expect_epoch":"7"})").find("\"expect_epoch\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","dry_run":1})").find("\"dry_run\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","reason":["x"]})").find("\"reason\"") != std::string::npos);
}

TEST_CASE("names_unknown_keys_even_when_they_are_null") {
  CHECK(problem_of(R"({"mode":"closed","wait":5})").find("unknown key \"wait\"") != std::string::npos);
  CHECK(problem_of(R"({"mode":"closed","modes":null})").find("unknown key \"modes\"") != std::string::npos);
}

TEST_CASE("refuses_what_is_no_object_or_names_no_target_or_two") {
  for (const char* body : {"", "[]", "7", "null", "{", "{\"mode\":\"closed\"", "{}", R"({"reason":"x"})",
                           R"({"mode":"closed","verb":"close"})", "\xff\xfe"}) {
    CAPTURE(body);
    CHECK_FALSE(problem_of(body).empty());
  }
}

TEST_CASE("a_body_of_nested_brackets_is_refused_quickly") {
  CHECK_FALSE(problem_of(std::string(64 << 10, '[')).empty());
}

}  // namespace halfdoor
