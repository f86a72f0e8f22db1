// What read-only lets pass by what was found in a body.
#include <catch2/catch.hpp>
#include <random>

#include "exchange/read_only.h"
#include "test/unit/exchange/parsed_request.h"

namespace halfdoor {
namespace {

ReadOnlyConfig rules_of(const std::vector<std::string_view>& allow, const std::vector<std::string_view>& deny = {}) {
  ReadOnlyConfig rules;
  for (std::string_view text : allow) rules.allow.push_back(Rule::parse(text).value());
  for (std::string_view text : deny) rules.deny.push_back(Rule::parse(text).value());
  return rules;
}

std::string text_of(const ReadOnlyDecision& decision) {
  switch (decision.verdict) {
    case ReadOnlyVerdict::passes: return "passes";
    case ReadOnlyVerdict::passes_by_rule: return "by rule";
    case ReadOnlyVerdict::refused: break;
  }
  return (decision.needs_body ? "held: " : "") + std::string(decision.why);
}

// The verdict on the head, and where that is held, on the whole.
std::string verdict_of(std::string_view line, std::string_view type, std::string_view body,
                       const ReadOnlyConfig& rules) {
  std::string fields = "Content-Length: " + std::to_string(body.size()) + "\n";
  if (type != "-") fields += "Content-Type: " + std::string(type) + "\n";
  const auto request = parse_request(line, fields);
  if (!request->is_valid()) return "ill-formed";
  CHECK_FALSE(may_be_resent(request->head(), rules));
  const ReadOnlyDecision on_head = passes_read_only(request->head(), rules);
  if (!on_head.needs_body) return text_of(on_head);
  CHECK(on_head.verdict == ReadOnlyVerdict::refused);
  const BodyFindings findings = inspect_body(request->head(), body, rules);
  const ReadOnlyDecision whole = passes_read_only(request->head(), rules, &findings);
  CHECK_FALSE(whole.needs_body);
  const BodyFindings too_large = findings_of_large_body(request->head(), rules);
  CHECK(text_of(passes_read_only(request->head(), rules, &too_large)) == "unreadable body");
  return text_of(whole);
}

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMultipart = "multipart/form-data; boundary=x";

std::string part(std::string_view name, std::string_view value) {
  return "--x\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" + std::string(value) +
         "\r\n";
}

}  // namespace

TEST_CASE("holds_what_would_pass_if_its_body_did") {
  const ReadOnlyConfig rules = rules_of({"POST /login"}, {"POST /login?x=1"});
  const auto verdict = [&](std::string_view line, std::string_view fields) {
    const auto request = parse_request(line, fields);
    return text_of(passes_read_only(request->head(), rules));
  };
  for (std::string_view framing : {"Content-Length: 5\n", "Transfer-Encoding: chunked\n"}) {
    for (std::string_view type :
         {"application/x-www-form-urlencoded", "Application/X-WWW-Form-URLEncoded; charset=utf-8",
          "multipart/form-data; boundary=x", "multipart/mixed", "multipart/related;boundary=y", "application/json",
          "APPLICATION/JSON", "application/json;charset=utf-8", "application/vnd.api+json", "application/problem+json",
          "text/json", "application/x-json"}) {
      const std::string fields = "Content-Type: " + std::string(type) + "\n";
      INFO(fields << framing);
      CHECK(verdict("POST /login", fields + std::string(framing)) == "held: body needs inspection");
      CHECK(verdict("POST /login", fields) == "by rule");
      CHECK(verdict("POST /login", fields + "Content-Length: 0\n") == "by rule");
      CHECK(verdict("POST /login", fields + "Content-Encoding: gzip\n" + std::string(framing)) == "compressed body");
      CHECK(verdict("POST /login", fields + fields + std::string(framing)) == "unreadable body");
      // What the head refuses is not held.
      CHECK(verdict("POST /other", fields + std::string(framing)) == "method");
      CHECK(verdict("GET /login", fields + std::string(framing)) == "body");
      CHECK(verdict("POST /login", fields + "X-HTTP-Method: PUT\n" + std::string(framing)) == "override");
      CHECK(verdict("POST /login?_method=PUT", fields + std::string(framing)) == "override");
      CHECK(verdict("POST /login?x=1", fields + std::string(framing)) == "deny rule");
      CHECK(verdict("POST /login", fields + "X-Original-URL: /x\n" + std::string(framing)) == "path override");
    }
    for (std::string_view type : {"text/plain, application/json", "text/plain,text/plain", "", "json", "text", "text/",
                                  "/", "text/plain application/json", ";application/json"}) {
      const std::string fields = "Content-Type: " + std::string(type) + "\n";
      INFO(fields << framing);
      CHECK(verdict("POST /login", fields + std::string(framing)) == "unreadable body");
    }
    for (std::string_view type :
         {"text/plain", "application/octet-stream", "image/png", "text/xml; charset=utf-8", "TEXT/CSV"}) {
      const std::string fields = "Content-Type: " + std::string(type) + "\n";
      INFO(fields << framing);
      CHECK(verdict("POST /login", fields + std::string(framing)) == "by rule");
      CHECK(verdict("POST /login", fields + "Content-Encoding: gzip\n" + std::string(framing)) == "by rule");
    }
    CHECK(verdict("POST /login", framing) == "held: body needs inspection");
  }
}

TEST_CASE("an_override_in_the_body_of_an_allowed_request_must_be_allowed_too") {
  const ReadOnlyConfig rules = rules_of({"POST /login", "PUT /login"}, {"PATCH /login"});
  struct Row {
    std::string_view type, body, verdict;
  };
  const std::string put = part("_method", "PUT") + "--x--";
  const std::string removal = part("a", "1") + part("_METHOD[]", "DELETE") + "--x--\r\n";
  for (const Row& row : std::vector<Row>{{kForm, "name=anna&password=anna", "by rule"},
                                         {"-", "name=anna", "by rule"},
                                         {kForm, "_method=PUT", "by rule"},
                                         {kForm, "_method=put&_method=POST&_method=get", "by rule"},
                                         {kForm, "_method=DELETE", "override in the body"},
                                         {"-", "_method=DELETE", "override in the body"},
                                         {kForm, "_method=PUT&_method=DELETE", "override in the body"},
                                         {kForm, "_method=DELETE&_method=PUT", "override in the body"},
                                         {kForm, "a=1&%5fMETHOD%5B%5D=delete", "override in the body"},
                                         {kForm, "_method", "override in the body"},
                                         {kForm, "_method=PUT;x", "override in the body"},
                                         {kForm, "_method=", "override in the body"},
                                         {kForm, "_method=PATCH", "override in the body"},
                                         {kForm, "_charset_=utf-16", "unreadable body"},
                                         {kJson, R"({"name": "anna"})", "by rule"},
                                         {kJson, R"({"_method": "PUT"})", "by rule"},
                                         {kJson, R"({"a": [{"_method": "DELETE"}]})", "override in the body"},
                                         {kJson, R"({"_method": ["PUT"]})", "override in the body"},
                                         {kJson, R"({"_method": 5})", "override in the body"},
                                         {kJson, "{'_method': 'DELETE'}", "unreadable body"},
                                         {kJson, "", "by rule"},
                                         {kJson, " ", "unreadable body"},
                                         {kMultipart, put, "by rule"},
                                         {kMultipart, removal, "override in the body"},
                                         {kMultipart, "--x--", "by rule"},
                                         {kMultipart, "x", "unreadable body"},
                                         {"text/plain", "_method=DELETE", "by rule"}}) {
    INFO(row.type << "\n" << row.body);
    CHECK(verdict_of("POST /login", row.type, row.body, rules) == row.verdict);
  }
}

TEST_CASE("further_override_names_count_in_the_body") {
  ReadOnlyConfig rules = rules_of({"POST /login"});
  CHECK(verdict_of("POST /login", kForm, "verb=DELETE", rules) == "by rule");
  rules.override_names = {"verb"};
  CHECK(verdict_of("POST /login", kForm, "verb=DELETE", rules) == "override in the body");
  CHECK(verdict_of("POST /login", kJson, R"({"Verb": "DELETE"})", rules) == "override in the body");
  CHECK(verdict_of("POST /login", kForm, "verb=post", rules) == "by rule");
}

TEST_CASE("the_parameter_of_an_allow_rule_must_not_be_in_the_body_as_well") {
  const ReadOnlyConfig rules = rules_of({"POST /index.php?action=find"});
  const std::string_view line = "POST /index.php?action=find";
  CHECK(verdict_of(line, kForm, "text=anna", rules) == "by rule");
  CHECK(verdict_of(line, kForm, "ACTION2=delete", rules) == "by rule");
  CHECK(verdict_of(line, "text/plain", "action=delete", rules) == "by rule");
  for (std::string_view body : {"action=delete", "text=anna&action=delete", "Action=delete", "%61ction=delete",
                                "action[]=delete", "action", "action=find", "a;action=delete"}) {
    INFO(body);
    CHECK(verdict_of(line, kForm, body, rules) == "method");
    CHECK(verdict_of(line, "-", body, rules) == "method");
  }
  CHECK(verdict_of(line, kJson, R"({"action": "delete"})", rules) == "method");
  CHECK(verdict_of(line, kJson, R"({"action": null})", rules) == "method");
  CHECK(verdict_of(line, kMultipart, part("action", "delete") + "--x--", rules) == "method");
  // Another rule may let it pass all the same.
  const ReadOnlyConfig both = rules_of({"POST /index.php?action=find", "POST /index.php"});
  CHECK(verdict_of(line, kForm, "action=delete", both) == "by rule");
}

TEST_CASE("the_parameter_of_a_deny_rule_counts_in_the_body_as_in_the_query") {
  const ReadOnlyConfig rules = rules_of({"POST /index.php"}, {"POST /index.php?action=delete"});
  const std::string_view line = "POST /index.php";
  CHECK(verdict_of(line, kForm, "action=find", rules) == "by rule");
  CHECK(verdict_of(line, kForm, "text=delete", rules) == "by rule");
  CHECK(verdict_of(line, kJson, R"({"action": "find"})", rules) == "by rule");
  for (std::string_view body :
       {"action=delete", "action=find&action=delete", "ACTION=DELETE", "%61ction=%64elete", "action[0]=delete",
        "action=+delete+", "action=%2564elete", "action=delete%00x", "a=1;action=delete"}) {
    INFO(body);
    CHECK(verdict_of(line, kForm, body, rules) == "deny rule");
  }
  CHECK(verdict_of(line, kForm, "action=" + std::string(2000, 'x'), rules) == "deny rule");
  CHECK(verdict_of(line, kJson, R"({"action": "delete"})", rules) == "deny rule");
  CHECK(verdict_of(line, kJson, R"({"action": ["delete"]})", rules) == "deny rule");
  CHECK(verdict_of(line, kMultipart, part("action", "Delete") + "--x--", rules) == "deny rule");
  CHECK(verdict_of("POST /other", kForm, "action=delete", rules) == "method");
}

TEST_CASE("findings_made_for_other_rules_do_not_count") {
  const ReadOnlyConfig before = rules_of({"POST /login"});
  const auto request = parse_request("POST /login", "Content-Length: 11\n");
  const BodyFindings findings = inspect_body(request->head(), "verb=DELETE", before);
  CHECK(text_of(passes_read_only(request->head(), before, &findings)) == "by rule");
  ReadOnlyConfig after = before;
  after.override_names = {"verb"};
  CHECK(text_of(passes_read_only(request->head(), after, &findings)) == "held: body needs inspection");
  after = rules_of({"POST /login?x=1", "POST /login"});
  CHECK(text_of(passes_read_only(request->head(), after, &findings)) == "held: body needs inspection");
}

TEST_CASE("what_was_found_is_small_whatever_the_body") {
  const ReadOnlyConfig rules = rules_of({"POST /login", "PUT /login"});
  std::string same;
  while (same.size() < 64 << 10) same += "&_method=PUT";
  CHECK(verdict_of("POST /login", kForm, same, rules) == "by rule");
  std::string different;
  for (int i = 0; different.size() < 64 << 10; ++i) different += "&_method=PUT" + std::to_string(i);
  CHECK(verdict_of("POST /login", kForm, different, rules) == "unreadable body");
  CHECK(verdict_of("POST /login", kForm, "_method=" + std::string(60'000, 'X'), rules) == "override in the body");
}

TEST_CASE("whatever_is_added_to_a_body_never_makes_the_verdict_milder") {
  const ReadOnlyConfig rules = rules_of({"POST /login", "PUT /login"}, {"POST /login?x=1"});
  constexpr std::string_view kPieces[] = {"_method=PUT",  "_method=DELETE", "_method=GET", "a=1",      "&",  ";",
                                          "x=1",          "%5fmethod=PUT",  "_method",     "=",        "%",  "[]",
                                          "_METHOD=post", "_charset_",      "x=%31",       "_method=", "\0", "+"};
  std::mt19937 random(7);
  const auto strictness = [&](std::string_view body) {
    return verdict_of("POST /login", kForm, body, rules) == "by rule" ? 0 : 1;
  };
  for (int round = 0; round < 3000; ++round) {
    std::string body = "b=2";
    int before = strictness(body);
    for (int i = 0; i < 6; ++i) {
      body += "&" + std::string(kPieces[random() % std::size(kPieces)]);
      const int after = strictness(body);
      INFO(body);
      REQUIRE(after >= before);
      before = after;
    }
  }
}

}  // namespace halfdoor
