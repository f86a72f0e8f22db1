// The worst input for every rule: what one request may cost, counted against what reading it costs.
#include <catch2/catch.hpp>

#include "exchange/body_inspection.h"
#include "exchange/read_only.h"
#include "test/unit/cpu_time.h"

namespace halfdoor {
namespace {

ReadOnlyConfig rules(size_t count) {
  ReadOnlyConfig config;
  for (size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    config.deny.push_back(Rule::parse("GET /a/*/b" + number + "/*/c").value());
    config.deny.push_back(Rule::parse("GET /index.php?action=delete" + number).value());
    config.allow.push_back(Rule::parse("POST /a/a/a/a/a/a" + number).value());
    config.allow.push_back(Rule::parse("PUT /index.php?do=x" + number).value());
  }
  config.override_names = {"verb", "X-Verb"};
  return config;
}

struct Row {
  const char* name;
  std::string line;
  std::string fields;
};

std::vector<Row> worst_inputs() {
  constexpr size_t kLine = 8000;
  const auto get = [](std::string target) { return "GET " + std::move(target); };
  return {
      {"nothing special", get("/a"), ""},
      {"a plain path of many segments", get(repeated("/a", kLine)), ""},
      {"a path of parameters", get(repeated("/a;", kLine)), ""},
      {"a path of doubled slashes", get("/a//" + repeated("a/", 120)), ""},
      {"a path that is encoded again and again", get("/%" + repeated("25", kLine - 10)), ""},
      {"a path of escapes", get(repeated("/%61", kLine)), ""},
      {"a path of overlong slashes", get("/" + repeated("%c0%af", kLine)), ""},
      {"a query of the parameter that rules ask for", get("/index.php?" + repeated("action=x&", kLine - 20)), ""},
      {"the same, escaped", get("/index.php?" + repeated("%61ction=%78&", kLine - 20)), ""},
      {"the same, encoded again and again", get("/index.php?" + repeated("%252525252561ction=x&", kLine - 20)), ""},
      {"one endless parameter", get("/index.php?action=" + repeated("%25", kLine - 30)), ""},
      {"overrides in the query", get("/index.php?" + repeated("_method=GET&", kLine - 20)), ""},
      {"overrides in the query, escaped", get("/index.php?" + repeated("%5fmethod=%47ET&", kLine - 20)), ""},
      {"overrides in one field", get("/index.php?" + repeated("action=x&", kLine - 20)),
       "X-HTTP-Method-Override: " + repeated("GET,", 20'000) + "GET\n"},
      {"overrides in a hundred fields", get("/index.php?" + repeated("action=x&", kLine - 20)),
       repeated("X-HTTP-Method: GET,HEAD,OPTIONS,GET,HEAD,OPTIONS\n", 4'700)},
      {"an allowed write with overrides", "POST /a/a/a/a/a/a0?" + repeated("_method=POST&", kLine - 40),
       "X-HTTP-Method: " + repeated("POST,", 20'000) + "POST\nContent-Length: 0\n"},
      {"empty parameters", get("/index.php?" + repeated("&", kLine - 20)), ""},
  };
}

std::vector<Row> worst_bodies() {
  constexpr size_t kBody = 64 << 10;
  const std::string form = "application/x-www-form-urlencoded";
  const std::string json = "application/json";
  const std::string parts = "multipart/form-data; boundary=b";
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nx\r\n";
  return {
      {"a form of what rules ask for", form, repeated("do=x&action=delete&", kBody)},
      {"a form of overrides", form, repeated("_method=PUT&", kBody)},
      {"a form of escapes", form, repeated("%25252564o=%252525&", kBody)},
      {"a form of separators", form, repeated("&;", kBody)},
      {"JSON of overrides", json, "[" + repeated(R"({"_method":"PUT"},)", kBody - 30) + "{}]"},
      {"JSON that is deep", json, repeated("[", kBody / 2) + repeated("]", kBody / 2)},
      {"JSON that never ends", json, repeated("{\"_method\":", kBody)},
      {"a form of many parts", parts, repeated(part, kBody - 10) + "--b--\r\n"},
      {"a form of almost-boundaries", parts,
       part.substr(0, part.size() - 3) + repeated("\r\n--", kBody - 200) + "\r\n--b--\r\n"},
      {"a form of dashes", parts, part.substr(0, part.size() - 3) + repeated("-", kBody - 200) + "\r\n--b--\r\n"},
  };
}

std::vector<Row> worst_graphql() {
  constexpr size_t kBody = 64 << 10;
  const std::string json = "application/json";
  const std::string document = "application/graphql";
  const auto request = [](const std::string& text) { return R"({"query":")" + text + "\"}"; };
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{a";
  return {
      {"a document of fields", document, "{" + repeated("a ", 28'000) + "}"},
      {"a document of comments", document, repeated("#", kBody)},
      {"a document of short comments", document, repeated("#\n", kBody)},
      {"a document of byte order marks", document, repeated("\xef\xbb\xbf", kBody)},
      {"a document that is too deep", document, repeated("{a", kBody)},
      {"a document of lists", document, "{a(b:" + repeated("[", kBody - 10)},
      {"a document of deep operations", document, repeated(deep + std::string(100, '}'), kBody)},
      {"a document of strings", document, "{a(b:[" + repeated("\"\"", kBody - 10) + "])}"},
      {"a document of escaped quotes", document, "{a(b:\"\"\"" + repeated("\\\"\"\"", kBody - 20) + "\"\"\")}"},
      {"a document of quotes", document, "{a(b:" + repeated("\"", kBody - 10) + ")}"},
      {"JSON of escapes", json, request(repeated("\\u0023", kBody - 20))},
      {"JSON of small requests", json, "[" + repeated(R"({"query":"{a}"},)", kBody - 30) + R"({"query":"{a}"}])"},
      {"JSON of hashes", json,
       "[" + repeated(R"({"query":"{a}","extensions":{"persistedQuery":{"sha256Hash":"0"}}},)", kBody - 30) + "1]"},
      {"JSON of variables", json,
       R"({"query":"{a}","variables":{)" + repeated(R"("_method":[{}],)", kBody - 60) + R"("a":1}})"},
      {"JSON of brackets", json, repeated("[", kBody)},
  };
}

}  // namespace

TEST_CASE("judging the worst head costs no more than reading fifty, however many rules ask") {
  const double most_ms = 50 * reading_ms();
  for (const size_t count : {0, 1, 20}) {
    const ReadOnlyConfig config = rules(count);
    for (const Row& row : worst_inputs()) {
      const auto request = parse_request(row.line, row.fields);
      CAPTURE(row.name, count, request->what());
      REQUIRE(request->is_valid());
      CHECK(least_cpu_ms([&] { may_be_resent(request->head(), config); }) < most_ms);
    }
  }
}

TEST_CASE("looking into the worst body costs no more than reading two hundred heads, however many rules ask") {
  const double most_ms = 200 * reading_ms();
  for (const size_t count : {1, 20}) {
    const ReadOnlyConfig config = rules(count);
    for (const Row& row : worst_bodies()) {
      const std::string fields =
          "Content-Type: " + row.line + "\nContent-Length: " + std::to_string(row.fields.size()) + "\n";
      const auto request = parse_request("PUT /index.php?do=x0", fields);
      CAPTURE(row.name, count, request->what());
      REQUIRE(request->is_valid());
      const double spent = least_cpu_ms([&] {
        const BodyFindings findings = inspect_body(request->head(), row.fields, config);
        passes_read_only(request->head(), config, &findings);
      });
      CHECK(spent < most_ms);
    }
  }
}

TEST_CASE("looking for the operations of the worst body costs no more than reading two hundred heads") {
  const double most_ms = 200 * reading_ms();
  ReadOnlyConfig config = rules(20);
  config.graphql = {"/graphql"};
  for (const Row& row : worst_graphql()) {
    const std::string fields =
        "Content-Type: " + row.line + "\nContent-Length: " + std::to_string(row.fields.size()) + "\n";
    const auto request = parse_request("POST /graphql", fields);
    CAPTURE(row.name, request->what());
    REQUIRE(request->is_valid());
    const double spent = least_cpu_ms([&] {
      const BodyFindings findings = inspect_body(request->head(), row.fields, config);
      passes_read_only(request->head(), config, &findings);
    });
    CHECK(spent < most_ms);
  }
}

}  // namespace halfdoor
