// What operators read.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "control/report_text.h"

namespace halfdoor {

namespace {

nlohmann::json answer() {
  return {{"service", "salon"},
          {"from", "primary"},
          {"to", "backup-readonly"},
          {"mode", "backup-readonly"},
          {"epoch", 8},
          {"reason", "disk failure at host A"},
          {"workers", 4},
          {"applied_workers", 4},
          {"applied", true},
          {"applied_ms", 0.42},
          {"fenced", true},
          {"fenced_ms", 41.2},
          {"left", "primary"},
          {"side_left", true},
          {"writes_in_flight", 2},
          {"writes_finished", 1},
          {"writes_uncertain", 1},
          {"persisted", true},
          {"superseded_by", nullptr},
          {"generation", 9},
          {"drain_ms", 10000},
          {"not_safe", nlohmann::json::array()}};
}

}  // namespace

TEST_CASE("a_change_prints_the_four_lines_of_the_contract") {
  CHECK(
      describe_change(answer()) ==
      "salon: primary -> backup-readonly, epoch 8, \"disk failure at host A\"\n"
      "applied by 4 of 4 workers in 0.4 ms\n"
      "2 writes were in flight to the primary: 1 finished, 1 uncertain (halfdoor uncertain salon)\n"
      "fenced after 41 ms: halfdoor sends nothing more to the primary; a host that hangs may still execute what it had "
      "received\n");
}

TEST_CASE("a_freeze_says_that_only_writes_have_ended") {
  nlohmann::json frozen = answer();
  frozen["mode"] = frozen["to"] = "primary-readonly";
  frozen["side_left"] = false;
  CHECK(describe_change(frozen).find("sends no more writes to the primary") != std::string::npos);
}

TEST_CASE("what_is_not_safe_not_persisted_or_superseded_begins_its_line") {
  nlohmann::json late = answer();
  late["applied"] = late["fenced"] = late["persisted"] = false;
  late["applied_workers"] = 3;
  late["not_safe"] = {"worker 2 has not applied epoch 8"};
  const std::string lines = describe_change(late);
  CHECK(lines.find("\nnot applied: only 3 of 4 workers so far\n") != std::string::npos);
  CHECK(lines.find("\nNOT SAFE: worker 2 has not applied epoch 8\n") != std::string::npos);
  CHECK(lines.find("\nNOT PERSISTED: ") != std::string::npos);
  CHECK(lines.find("\nnot fenced yet") != std::string::npos);
  late["superseded_by"] = 9;
  CHECK(describe_change(late).find("\nsuperseded by epoch 9") != std::string::npos);
}

TEST_CASE("each_failing_rule_has_a_line_of_its_own") {
  const nlohmann::json problem{
      {"rules", {{{"rule", "minimum-stay"}, {"message", "a"}}, {{"rule", "caught-up"}, {"message", "b"}}}}};
  CHECK(describe_refusal("salon", problem) == "salon: refused by minimum-stay: a\nsalon: refused by caught-up: b\n");
  CHECK(describe_refusal("salon", {{"detail", "no"}}) == "salon: no\n");
}

TEST_CASE("nothing_of_a_request_can_move_the_cursor_of_the_terminal") {
  const nlohmann::json writes{{{"method", "POST"}, {"path", "/\x1b[2J"}, {"service", "salon"}}};
  CHECK(describe_uncertain(writes).find('\x1b') == std::string::npos);
}

TEST_CASE("answers_with_members_missing_or_of_other_types_are_printed_all_the_same") {
  for (const auto& odd :
       {nlohmann::json::object(), nlohmann::json{{"services", {1, "x", nullptr}}, {"workers", "many"}}}) {
    CHECK_FALSE(describe_status(odd, {"", false, WallTime{}}).empty());
    CHECK_FALSE(describe_change(odd).empty());
    CHECK_FALSE(describe_exchanges(odd).empty());
  }
  CHECK(describe_history(nlohmann::json::array()) == "no changes yet\n");
}

}  // namespace halfdoor
