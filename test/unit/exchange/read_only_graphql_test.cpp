// What read-only lets pass on the paths that are listed as GraphQL.
#include <catch2/catch.hpp>

#include "exchange/read_only.h"
#include "test/unit/exchange/parsed_request.h"

namespace halfdoor {
namespace {

ReadOnlyConfig graphql_rules() {
  ReadOnlyConfig rules;
  rules.graphql = {"/graphql", "/api/graph"};
  return rules;
}

// On the head, and where that asks for it, with the body. Checks what goes with the verdict.
std::string verdict_of(std::string_view line, std::string_view fields, std::string_view body,
                       const ReadOnlyConfig& rules) {
  std::string all(fields);
  if (!body.empty()) all += "Content-Length: " + std::to_string(body.size()) + "\n";
  const auto request = parse_request(line, all);
  if (!request->is_valid()) return "ill-formed";
  ReadOnlyDecision decision = passes_read_only(request->head(), rules);
  BodyFindings findings;
  if (decision.needs_body) {
    findings = inspect_body(request->head(), body, rules);
    decision = passes_read_only(request->head(), rules, &findings);
  }
  CHECK_FALSE(decision.needs_body);
  CHECK(may_be_resent(request->head(), rules) == (decision.verdict == ReadOnlyVerdict::passes));
  if (decision.verdict == ReadOnlyVerdict::passes) return "passes";
  return decision.verdict == ReadOnlyVerdict::passes_by_rule ? "by rule" : std::string(decision.why);
}

constexpr std::string_view kJson = "Content-Type: application/json\n";
constexpr std::string_view kDocument = "Content-Type: application/graphql\n";

}  // namespace

TEST_CASE("a_query_by_get_is_a_read_and_a_mutation_is_not") {
  const ReadOnlyConfig rules = graphql_rules();
  const auto verdict = [&](std::string_view line) { return verdict_of(line, {}, {}, rules); };
  CHECK(verdict("GET /graphql?query={a}") == "passes");
  CHECK(verdict("HEAD /graphql?query={a}") == "passes");
  CHECK(verdict("GET /api/graph?query=query+Q{a}&operationName=Q") == "passes");
  CHECK(verdict("GET /graphql") == "passes");
  CHECK(verdict("GET /graphql?") == "passes");
  CHECK(verdict("GET /graphql/") == "passes");
  CHECK(verdict("OPTIONS /graphql?query=mutation{a}") == "passes");
  CHECK(verdict("GET /graphql?query=mutation{a}") == "graphql");
  CHECK(verdict("HEAD /graphql?query=mutation{a}") == "graphql");
  CHECK(verdict("GET /graphql?query={a}&query=mutation{a}") == "graphql");
  CHECK(verdict("GET /graphql?operationName=Q") == "graphql");
  CHECK(verdict("GET /graphql?x=1") == "graphql");
  CHECK(verdict("GET /graphql?_method=GET") == "graphql");
  CHECK(verdict("GET /graphql?query={a}&_method=GET") == "passes");
  CHECK(verdict("GET /graphql?query={a}&_method=POST") == "override");
  CHECK(verdict("GET /graph?query=mutation{a}") == "passes");
  CHECK(verdict_of("GET /graphql?query={a}", "X-HTTP-Method: DELETE\n", {}, rules) == "override");
  CHECK(verdict_of("GET /graphql?query={a}", "X-Original-URL: /x\n", {}, rules) == "path override");
  CHECK(verdict_of("GET /graphql?query={a}", kJson, "{}", rules) == "body");
  CHECK(verdict_of("GET /graphql?query=mutation{a}", {}, {}, {}) == "passes");
}

TEST_CASE("a_graphql_path_is_found_in_every_spelling_and_passes_in_one") {
  const ReadOnlyConfig rules = graphql_rules();
  for (std::string_view path :
       {"/GraphQL", "/graphql/", "//graphql", "/./graphql", "/x/../graphql", "/%67raphql", "/%2567raphql", "/graphql;x",
        "/graphql.json", "/graphql.", "/api%2Fgraph", "/api//graph", "/api\\graph", "/graphql%20", "/graphql%2f"}) {
    INFO(path);
    CHECK(verdict_of("GET " + std::string(path) + "?query={a}", {}, {}, rules) == "graphql path");
    CHECK(verdict_of("GET " + std::string(path) + "?query=mutation{a}", {}, {}, rules) == "graphql path");
    CHECK(verdict_of("POST " + std::string(path), kJson, R"({"query":"{a}"})", rules) == "method");
  }
}

TEST_CASE("a_post_of_queries_passes_by_rule") {
  const ReadOnlyConfig rules = graphql_rules();
  const auto verdict = [&](std::string_view line, std::string_view fields, std::string_view body) {
    return verdict_of(line, fields, body, rules);
  };
  CHECK(verdict("POST /graphql", kJson, R"({"query":"{a}"})") == "by rule");
  CHECK(verdict("POST /api/graph", kJson, R"([{"query":"{a}"},{"query":"{b}"}])") == "by rule");
  CHECK(verdict("POST /graphql", kDocument, "query Q{a}") == "by rule");
  CHECK(verdict("POST /graphql", kJson, R"({"query":"mutation{a}"})") == "graphql");
  CHECK(verdict("POST /graphql", kJson, R"([{"query":"{a}"},{"query":"mutation{b}"}])") == "graphql");
  CHECK(verdict("POST /graphql", kJson, R"({"query":"query A{a} mutation B{b}","operationName":"A"})") == "graphql");
  CHECK(verdict("POST /graphql", kJson, R"({"extensions":{"persistedQuery":{"version":1,"sha256Hash":"0"}}})") ==
        "graphql");
  CHECK(verdict("POST /graphql", kDocument, "mutation{a}") == "graphql");
  CHECK(verdict("POST /graphql", kJson, "{") == "unreadable body");
  CHECK(verdict("POST /graphql", {}, R"({"query":"{a}"})") == "graphql type");
  CHECK(verdict("POST /graphql", "Content-Type: application/x-www-form-urlencoded\n", "query={a}") == "graphql type");
  CHECK(verdict("POST /graphql", "Content-Type: text/plain\n", "{a}") == "graphql type");
  CHECK(verdict("POST /graphql", "Content-Type: multipart/form-data; boundary=x\n", "--x--") == "graphql type");
  CHECK(verdict("POST /graphql", std::string(kDocument) + std::string(kJson), "{a}") == "unreadable body");
  CHECK(verdict("POST /graphql", std::string(kJson) + "Content-Encoding: gzip\n", R"({"query":"{a}"})") ==
        "compressed body");
  CHECK(verdict("POST /graphql", std::string(kDocument) + "Content-Encoding: gzip\n", "{a}") == "compressed body");
  CHECK(verdict("POST /graphql", {}, {}) == "graphql");
  CHECK(verdict("POST /graphql", kJson, {}) == "graphql");
  CHECK(verdict("PUT /graphql", kJson, R"({"query":"{a}"})") == "method");
}

TEST_CASE("parameters_in_target_and_body_must_both_be_queries") {
  const ReadOnlyConfig rules = graphql_rules();
  const auto verdict = [&](std::string_view query, std::string_view body) {
    return verdict_of("POST /graphql" + std::string(query), kJson, body, rules);
  };
  CHECK(verdict("?query={a}", R"({"query":"{b}"})") == "by rule");
  CHECK(verdict("?query={a}", "") == "by rule");
  CHECK(verdict("?query=mutation{a}", R"({"query":"{b}"})") == "graphql");
  CHECK(verdict("?query={a}", R"({"query":"mutation{b}"})") == "graphql");
  CHECK(verdict("?query={a}", "{}") == "graphql");
  CHECK(verdict("?operationName=B", R"({"query":"{b}"})") == "graphql");
  CHECK(verdict("?extensions={}", R"({"query":"{b}"})") == "graphql");
  CHECK(verdict("?id=5", R"({"query":"{b}"})") == "graphql");
}

TEST_CASE("other_rules_can_only_make_graphql_stricter") {
  ReadOnlyConfig rules = graphql_rules();
  const std::string_view query = R"({"query":"{a}"})";
  const std::string_view mutation = R"({"query":"mutation{a}"})";
  rules.allow = {Rule::parse("POST /graphql").value(), Rule::parse("PUT /graphql").value()};
  CHECK(verdict_of("POST /graphql", kJson, query, rules) == "by rule");
  CHECK(verdict_of("POST /graphql", kJson, mutation, rules) == "graphql");
  CHECK(verdict_of("PUT /graphql", kJson, query, rules) == "by rule");
  CHECK(verdict_of("PUT /graphql", kJson, mutation, rules) == "graphql");
  CHECK(verdict_of("PUT /graphql", "Content-Type: text/plain\n", "x", rules) == "graphql type");
  rules.allow.clear();
  CHECK(verdict_of("POST /graphql", std::string(kJson) + "X-HTTP-Method: PUT\n", query, rules) == "override");
  CHECK(verdict_of("POST /graphql", std::string(kJson) + "X-HTTP-Method: GET\n", query, rules) == "by rule");
  CHECK(verdict_of("POST /graphql", kJson, R"({"query":"{a}","variables":{"_method":"DELETE"}})", rules) ==
        "override in the body");
  CHECK(verdict_of("POST /graphql?_method=DELETE", kJson, query, rules) == "override");
  rules.deny = {Rule::parse("POST /graphql").value()};
  CHECK(verdict_of("POST /graphql", kJson, query, rules) == "deny rule");
  rules.deny = {Rule::parse("GET /graphql").value()};
  CHECK(verdict_of("GET /graphql?query={a}", {}, {}, rules) == "deny rule");
}

TEST_CASE("a_body_that_nobody_asked_for_operations_does_not_pass_once_its_path_is_listed") {
  ReadOnlyConfig rules;
  rules.allow = {Rule::parse("POST /graphql").value()};
  const auto request = parse_request("POST /graphql", std::string(kJson) + "Content-Length: 23\n");
  const BodyFindings findings = inspect_body(request->head(), R"({"query":"mutation{a}"})", rules);
  CHECK(passes_read_only(request->head(), rules, &findings).verdict == ReadOnlyVerdict::passes_by_rule);
  rules.graphql = {"/graphql"};
  const ReadOnlyDecision decision = passes_read_only(request->head(), rules, &findings);
  CHECK(decision.verdict == ReadOnlyVerdict::refused);
  CHECK(decision.needs_body);
}

}  // namespace halfdoor
