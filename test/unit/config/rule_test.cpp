#include "config/rule.h"

#include <catch2/catch.hpp>

namespace halfdoor {

namespace {

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a rule is a method and the segments of a path") {
  const Rule rule = Rule::parse("POST /availability/search").value();
  CHECK(rule.method == "POST");
  CHECK(rule.segments == Texts{"availability", "search"});
  CHECK_FALSE(rule.trailing_slash);
  CHECK_FALSE(rule.parameter);
  CHECK(rule.text == "POST /availability/search");
}

TEST_CASE("a star stands for a segment, two at the end for the rest") {
  CHECK(Rule::parse("GET /bookings/*/cancel").value().segments == Texts{"bookings", "*", "cancel"});
  CHECK(Rule::parse("PUT /api/**").value().segments == Texts{"api", "**"});
  CHECK(Rule::parse("PUT /**").value().segments == Texts{"**"});
}

TEST_CASE("a slash at the end counts") {
  CHECK(Rule::parse("POST /login/").value().trailing_slash);
  CHECK(Rule::parse("POST /login/").value().segments == Texts{"login"});
  const Rule root = Rule::parse("POST /").value();
  CHECK(root.segments.empty());
  CHECK(root.trailing_slash);
}

TEST_CASE("a rule may ask for one parameter of the query") {
  const Rule rule = Rule::parse("GET /index.php?action=delete").value();
  CHECK(rule.segments == Texts{"index.php"});
  REQUIRE(rule.parameter);
  CHECK(rule.parameter->name == "action");
  CHECK(rule.parameter->value == "delete");
  CHECK(Rule::parse("GET /a?b=").value().parameter->value.empty());
  CHECK(Rule::parse("GET /a?b=c=d").value().parameter->value == "c=d");
  CHECK(Rule::parse("GET /a?b=*").value().parameter->value == "*");
}

TEST_CASE("takes any method and every character that a path may have") {
  CHECK(Rule::parse("PROPPATCH /a").value().method == "PROPPATCH");
  CHECK(Rule::parse("M-SEARCH /a").value().method == "M-SEARCH");
  CHECK(Rule::parse("GET /~a.b-c_d!$&'()+,=:@").value().segments == Texts{"~a.b-c_d!$&'()+,=:@"});
  CHECK(Rule::parse("GET /l\xc3\xb6schen").value().segments == Texts{"l\xc3\xb6schen"});
  CHECK(Rule::parse("GET /...").value().segments == Texts{"..."});
}

TEST_CASE("a rule that is not in normal form is refused with what to write") {
  const auto pair = GENERATE(values<std::pair<std::string, std::string>>({
      {"", "write a method, one blank and a path"},
      {"POST", "write a method, one blank and a path"},
      {"POST ", "write a method, one blank and a path"},
      {"POST  /a", "write a method, one blank and a path"},
      {" /a", "must begin with a method"},
      {"/a /b", "must begin with a method"},
      {"P@ST /a", "must begin with a method"},
      {"* /a", "name one method"},
      {"post /a", "write \"POST\""},
      {"Delete /a", "write \"DELETE\""},
      {"POST a", "must begin with /"},
      {"POST ?a=b", "must begin with /"},
      {"POST http://a/b", "must begin with /"},
      {"POST //a", "in place of //"},
      {"POST /a//b", "in place of //"},
      {"POST /a//", "in place of //"},
      {"POST //", "in place of //"},
      {"POST /a/./b", "without . and .."},
      {"POST /..", "without . and .."},
      {"POST /a/../", "without . and .."},
      {"POST /a%20b", "without % escapes"},
      {"POST /a;x", "leave out the ;"},
      {"POST /a\\b", "in place of \\"},
      {"POST /a#b", "# has no place in a path"},
      {"POST /a[0]", "[ has no place in a path"},
      {"POST /a b", "no blanks"},
      {"POST /a\tb", "no blanks"},
      {std::string("POST /a\0b", 9), "control characters"},
      {"POST /a*", "one whole segment"},
      {"POST /***", "one whole segment"},
      {"POST /**/a", "must be its end"},
      {"POST /**/", "must be its end"},
      {"POST /a?", "write one parameter"},
      {"POST /a?b", "write one parameter"},
      {"POST /a?=b", "write one parameter"},
      {"POST /a?b=c&d=e", "one parameter; leave out the &"},
      {"POST /a?b=%20", "decoded"},
      {"POST /a?b=c+d", "decoded"},
      {"POST /a?b=c#d", "decoded"},
      {"POST /a?b=c d", "decoded"},
  }));
  const Result<Rule> rule = Rule::parse(pair.first);
  INFO(pair.first);
  REQUIRE_FALSE(rule.ok());
  CHECK_THAT(rule.error().message, Catch::StartsWith("\"" + pair.first + "\"") && Catch::Contains(pair.second));
}

}  // namespace halfdoor
