// Spellings of paths and parameters against `allow` and `deny` rules.
#include "exchange/rule_match.h"

#include <catch2/catch.hpp>

#include "exchange/parameter.h"
#include "exchange/read_only.h"
#include "test/unit/exchange/parsed_request.h"

namespace halfdoor {
namespace {

Rule rule(std::string_view text) {
  Result<Rule> parsed = Rule::parse(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

bool allows(std::string_view text, std::string_view target) {
  const auto request = parse_request("POST " + std::string(target));
  return request->is_valid() && allow_matches(rule(text), request->head());
}

// What the codec refuses has been stopped as well.
bool denies(std::string_view text, std::string_view target) {
  const auto request = parse_request("GET " + std::string(target));
  return !request->is_valid() || SpellingMatcher(request->head()).deny_matches(rule(text));
}

// Ways to spell one character of a path that some host undoes.
std::vector<std::string> spellings_of(char c) {
  char buffer[64];
  std::vector<std::string> spellings;
  const auto add = [&](const char* format, auto... values) {
    std::snprintf(buffer, sizeof buffer, format, values...);
    spellings.emplace_back(buffer);
  };
  const unsigned byte = static_cast<unsigned char>(c);
  add("%%%02X", byte);
  add("%%%02x", byte);
  add("%%25%02X", byte);
  add("%%2525%02x", byte);
  add("%%%%%X%%%X", 0x30 + (byte >> 4U), 0x30 + (byte & 15U));
  add("%%C%X%%%02X", byte >> 6U, 0x80 | (byte & 0x3fU));
  add("%%E0%%%02X%%%02X", 0x80 | byte >> 6U, 0x80 | (byte & 0x3fU));
  add("%%25C%X%%25%02X", byte >> 6U, 0x80 | (byte & 0x3fU));
  if (c >= 'a' && c <= 'z') spellings.emplace_back(1, static_cast<char>(c - 32));
  return spellings;
}

}  // namespace

TEST_CASE("allow_matches_segment_by_segment") {
  CHECK(allows("POST /login", "/login"));
  CHECK(allows("POST /login", "/login?x=1"));
  CHECK(allows("POST /", "/"));
  CHECK(allows("POST /login/", "/login/"));
  CHECK(allows("POST /a/*/c", "/a/b/c"));
  CHECK(allows("POST /a/*", "/a/b"));
  CHECK(allows("POST /a/**", "/a/b"));
  CHECK(allows("POST /a/**", "/a/b/c/d"));
  CHECK(allows("POST /a/**", "/a/b/"));
  CHECK(allows("POST /**", "/x"));
  CHECK_FALSE(allows("POST /", "/x"));
  CHECK_FALSE(allows("POST /login", "/"));
  CHECK_FALSE(allows("POST /login", "/logi"));
  CHECK_FALSE(allows("POST /login", "/loginx"));
  CHECK_FALSE(allows("POST /login", "/login/x"));
  CHECK_FALSE(allows("POST /login/", "/login"));
  CHECK_FALSE(allows("POST /a/*/c", "/a/c"));
  CHECK_FALSE(allows("POST /a/*/c", "/a/b/b/c"));
  CHECK_FALSE(allows("POST /a/*", "/a/"));
  CHECK_FALSE(allows("POST /a/*", "/a/b/"));
  CHECK_FALSE(allows("POST /a/**", "/a"));
  CHECK_FALSE(allows("POST /a/**", "/a/"));
  CHECK_FALSE(allows("POST /a/**", "/b/c"));
  CHECK_FALSE(allows("POST /**", "/"));
}

TEST_CASE("allow_takes_no_other_spelling") {
  for (std::string_view target : {"//login",       "/login/",         "/login//",
                                  "/./login",      "/login/.",        "/x/../login",
                                  "/login/x/..",   "/%6cogin",        "/log%69n",
                                  "/%6Cogin",      "/%256cogin",      "/login%2f",
                                  "/%2flogin",     "/login%2F..",     "/login;x",
                                  "/login;",       "/;/login",        "/login;x=1",
                                  "/Login",        "/LOGIN",          "/login.",
                                  "/login..",      "/login%20",       "/login%00",
                                  "/login%00.js",  "\\login",         "/\\login",
                                  "/login\\",      "/a%5c..%5clogin", "/a\\..\\login",
                                  "/%2e/login",    "/%2e%2e/login",   "/x/%2e%2e/login",
                                  "/x/.%2e/login", "/%c0%ae/login",   "/x%c0%aflogin",
                                  "/%c1%acogin",   "/login%0a",       "/login%0d%0a",
                                  "/login%09",     "/login%3f",       "/login%3Fx",
                                  "/login%23",     "/login.json",     "/login%e2%80%8b",
                                  "/login%",       "/login%zz",       "/login|",
                                  "/login{}",      "/login[]",        "/login^",
                                  "/l%6fgin?x=1",  "/login/%2e",      "/login/%2e%2e/login"}) {
    INFO(target);
    CHECK_FALSE(allows("POST /login", target));
    const bool is_normal = target == "/login/" || target == "/Login" || target == "/LOGIN" || target == "/login.json";
    CHECK(allows("POST /**", "/x" + std::string(target)) == is_normal);
  }
}

TEST_CASE("allow_asks_for_its_parameter_once_and_as_written") {
  const std::string_view find = "POST /index.php?action=find";
  CHECK(allows(find, "/index.php?action=find"));
  CHECK(allows(find, "/index.php?a=1&action=find"));
  CHECK(allows(find, "/index.php?action=find&b"));
  for (std::string_view query : {"",
                                 "?",
                                 "?action",
                                 "?action=",
                                 "?action=delete",
                                 "?action=find&action=delete",
                                 "?action=delete&action=find",
                                 "?action=find&action=find",
                                 "?action=find&action[]=delete",
                                 "?action[]=find",
                                 "?Action=find",
                                 "?action=Find",
                                 "?%61ction=find",
                                 "?action=%66ind",
                                 "?action=find&%61ction=delete",
                                 "?action=find;action=delete",
                                 "?action=find;",
                                 "?a=1;action=find",
                                 "?action=find&ACTION=delete",
                                 "?action=find+",
                                 "?action=find&+action=delete",
                                 "?xaction=find",
                                 "?action=find&action%00=delete",
                                 "?action=find&%2561ction=delete"}) {
    INFO(query);
    CHECK_FALSE(allows(find, "/index.php" + std::string(query)));
  }
}

TEST_CASE("deny_matches_every_spelling_of_its_path") {
  const std::string_view cancel = "GET /bookings/*/cancel";
  for (std::string_view target : {"/bookings/5/cancel",
                                  "/bookings/5/cancel/",
                                  "/bookings/5/cancel//",
                                  "/bookings/5/cancel.json",
                                  "/bookings/5/cancel.",
                                  "/bookings/5/cancel.html/",
                                  "/Bookings/5/CANCEL",
                                  "/bookings/5/cancel?x=1",
                                  "/bookings/5/cancel;x",
                                  "/bookings;a=b/5/cancel",
                                  "/bookings/5;a/cancel;jsessionid=1",
                                  "/bookings/5/%63ancel",
                                  "/bookings/5/c%61ncel",
                                  "/bookings/5/%2563ancel",
                                  "/bookings/5%2Fcancel",
                                  "/bookings%2f5%2fcancel",
                                  "/bookings%252f5%252fcancel",
                                  "/bookings/5%5Ccancel",
                                  "/bookings\\5\\cancel",
                                  "/bookings/5/cancel\\",
                                  "//bookings/5/cancel",
                                  "/bookings//5//cancel",
                                  "/./bookings/5/cancel",
                                  "/bookings/./5/./cancel",
                                  "/x/../bookings/5/cancel",
                                  "/bookings/5/x/../cancel",
                                  "/bookings/5/cancel/x/..",
                                  "/bookings/5/cancel/.",
                                  "/bookings/5/%2e/cancel",
                                  "/bookings/5/x/%2e%2e/cancel",
                                  "/bookings/5/x%2f..%2fcancel",
                                  "/bookings/a%2Fb/cancel",
                                  "/bookings/a%5Cb/cancel",
                                  "/bookings/..%2fx/cancel",
                                  "/bookings/;/cancel",
                                  "/./bookings/;/cancel",
                                  "/bookings/%2e%2e%2fx/cancel",
                                  "/bookings//cancel",
                                  "/bookings/../bookings/5/cancel",
                                  "/bookings/5/cancel%20",

                                  "/bookings/5/cancel%00",
                                  "/bookings/5/cancel%2500",
                                  "/bookings/5/cancel%2500.png",
                                  "/bookings/5/can%250acel",
                                  "/bookings/5/cancel%0a",
                                  "/bookings/5/can%09cel",
                                  "/bookings/5/cancel%3fx",
                                  "/bookings/5/cancel%23x",
                                  "/bookings/5/cancel%3bx",
                                  "/bookings./5/cancel",
                                  "/bookings%20/5/cancel",
                                  "/bookings/5/cancel..",
                                  "/bookings/5/%c1%a3ancel",
                                  "/bookings%c0%af5%c0%afcancel",
                                  "/bookings/x/%c0%ae%c0%ae/cancel",
                                  "/bookings/5/%e0%81%a3ancel",
                                  "/bookings/5/%f0%80%81%a3ancel",
                                  "/bookings/5/%25c1%25a3ancel",
                                  "/bookings/%/cancel",
                                  "/bookings/5/%252525252563ancel",
                                  "/bookings/5/%2525252525252525252563ancel",
                                  "/bookings/caf%C3%A9/cancel",
                                  "/bookings/5/cancel;a;b=c/",
                                  "/bookings/5/cancel.JSON;x",
                                  "/bookings/[5]/cancel",
                                  "/bookings/5%7C/cancel"}) {
    INFO(target);
    CHECK(denies(cancel, target));
  }
}

TEST_CASE("deny_finds_a_short_path_in_every_spelling") {
  for (std::string_view path : {"/bookings/cancel",         "/Bookings/CANCEL",
                                "//bookings//cancel",       "/./bookings/./cancel",
                                "/x/../bookings/cancel",    "/bookings/%63ancel",
                                "/bookings/%2563ancel",     "/bookings/%25252563ancel",
                                "/bookings%2fcancel",       "/bookings%252fcancel",
                                "/bookings\\cancel",        "/bookings%5ccancel",
                                "/bookings%255Ccancel",     "/bookings;x=1/cancel;y",
                                "/;/bookings/cancel",       "/x/%2e%2e/bookings/cancel",
                                "/x/..;/bookings/cancel",   "/bookings/cancel.",
                                "/bookings/cancel...",      "/bookings/cancel%20",
                                "/bookings/cancel%20.",     "/bookings./cancel",
                                "/bookings%c0%afcancel",    "/bookings/c%c1%a1ncel",
                                "/bookings%e0%80%afcancel", "/bookings%f0%80%80%afcancel",
                                "/%c0%ae/bookings/cancel",  "/x/%c0%ae%c0%ae/bookings/cancel",
                                "/bookings/can%2500cel",    "/bookings/can%01cel",
                                "/bookings/cancel%3bx",     "/bookings/cancel%253bx",
                                "/x/.%2e/bookings/cancel",  "/x/%2e%2e%5cbookings/cancel",
                                "/bookings/%c0%a563ancel",  "/x/..%20/bookings/cancel"}) {
    INFO(path);
    CHECK(denies("GET /bookings/cancel", path));
    CHECK(denies("GET /bookings/cancel", std::string(path) + "/"));
    CHECK(allows("POST /bookings/cancel", path) == (path == "/bookings/cancel"));
  }
}

TEST_CASE("deny_matches_a_path_with_any_character_spelled_otherwise") {
  const std::string path = "/bookings/5/cancel";
  for (size_t i = 1; i < path.size(); ++i) {
    for (const std::string& spelling : spellings_of(path[i])) {
      const std::string target = path.substr(0, i) + spelling + path.substr(i + 1);
      INFO(target);
      CHECK(denies("GET /bookings/*/cancel", target));
      CHECK_FALSE(allows("POST /bookings/*/cancel", target));
    }
  }
}

TEST_CASE("deny_leaves_other_paths_alone") {
  const std::string_view cancel = "GET /bookings/*/cancel";
  for (std::string_view target : {"/",
                                  "/bookings",
                                  "/bookings/5",
                                  "/bookings/5/cancellation",
                                  "/bookings/5/xcancel",
                                  "/bookings/5/6/cancel",
                                  "/bookings/cancel",
                                  "/booking/5/cancel",
                                  "/x/bookings/5/cancel",
                                  "/bookings/5/cancel/x",
                                  "/bookings/5/cancel-x",
                                  "/bookings/caf%C3%A9/show",
                                  "/bookings/5%206/7/cancel",
                                  "/bookings/5/canc%65llation",
                                  "//bookings/5",
                                  "/bookings/5/./show",
                                  "/cancel/5/bookings",
                                  "//cancel/5/bookings",
                                  "/bookings/5?next=/bookings/5/cancel",
                                  "/bookings/5;cancel",
                                  "/%62ookings/5/show;cancel",
                                  "/bookings/%2e/cancelled"}) {
    INFO(target);
    CHECK_FALSE(denies(cancel, target));
  }
}

TEST_CASE("deny_rules_of_other_shapes") {
  CHECK(denies("GET /", "/"));
  CHECK_FALSE(denies("GET /", "/x"));
  CHECK(denies("GET /admin/**", "/admin"));
  CHECK(denies("GET /admin/**", "/admin/"));
  CHECK(denies("GET /admin/**", "/ADMIN/a/b"));
  CHECK(denies("GET /admin/**", "/admin.html"));
  CHECK(denies("GET /admin/**", "/x/..%2fadmin/y"));
  CHECK_FALSE(denies("GET /admin/**", "/administrator"));
  CHECK(denies("GET /a/*", "/a/b"));
  CHECK(denies("GET /a/*", "/a/b/"));
  CHECK_FALSE(denies("GET /a/*", "/a"));
  CHECK_FALSE(denies("GET /a/*", "/a/b/c"));
  CHECK(denies("GET /delete/", "/delete"));
  CHECK(denies("GET /delete.php", "/delete.php/5"));
  CHECK(denies("GET /delete.php", "/delete"));
  CHECK(denies("GET /delete.php", "/delete.PHP;x"));
  CHECK_FALSE(denies("GET /delete.php", "/delete.html"));
  CHECK_FALSE(denies("GET /delete", "/delete/5"));
  CHECK(denies("GET /*/delete", "/x/delete"));
  CHECK_FALSE(denies("GET /a/*/*/b", "//a/b"));
  CHECK(denies("GET /a/*/*/b", "//a/x/y/b"));
}

TEST_CASE("deny_finds_its_parameter_in_any_spelling") {
  const std::string_view remove = "GET /index.php?action=delete";
  for (std::string_view query :
       {"action=delete",       "a=1&action=delete", "action=show&action=delete", "action=delete&action=show",
        "ACTION=delete",       "action=DELETE",     "%61ction=delete",           "action=%64elete",
        "action=%2564elete",   "%2561ction=delete", "action[]=delete",           "action[0]=show&action[1]=delete",
        "action%5B%5D=delete", "action=delete;x",   "x;action=delete",           "action=delete+",
        "action=+delete",      "action=delete%00",  "action=delete%20",          "+action=delete",
        "action%20=delete",    "&&action=delete",   "action=%44%45lete"}) {
    INFO(query);
    CHECK(denies(remove, "/index.php?" + std::string(query)));
    CHECK(denies(remove, "/INDEX.php?" + std::string(query)));
    CHECK(denies(remove, "/index.php/x?" + std::string(query)));
    CHECK(denies(remove, "/index?" + std::string(query)));
    CHECK_FALSE(denies(remove, "/other.php?" + std::string(query)));
  }
  for (std::string_view query : {"", "action", "action=", "action=show", "action=deleted", "xaction=delete",
                                 "a=action=delete", "action=show&b=delete", "delete=action"}) {
    INFO(query);
    CHECK_FALSE(denies(remove, "/index.php?" + std::string(query)));
  }
  CHECK(denies(remove, "/index.php%3Faction=delete"));
  CHECK(denies(remove, "/index.php%253Faction=delete"));
}

TEST_CASE("an_endless_path_is_denied_quickly") {
  std::vector<Rule> rules;
  for (int i = 0; i < 200; ++i) rules.push_back(rule("GET /a" + std::to_string(i) + "/*/b/*/c"));
  std::string dots;
  for (int i = 0; i < 2600; ++i) dots += "/a;";
  const auto request = parse_request("GET " + dots);
  REQUIRE(request->is_valid());
  SpellingMatcher matcher(request->head());
  CHECK_FALSE(matcher.deny_matches(rules[0]));
  std::string doubled;
  for (int i = 0; i < 2600; ++i) doubled += "//a";
  const auto ambiguous = parse_request("GET " + doubled);
  REQUIRE(ambiguous->is_valid());
  SpellingMatcher endless(ambiguous->head());
  CHECK(endless.deny_matches(rules[0]));
}

TEST_CASE("reads_parameter_names_as_hosts_do") {
  CHECK(may_be_read_as("_method", "_method"));
  CHECK(may_be_read_as("a%5Bb%5D", "a"));
  CHECK_FALSE(may_be_read_as("_metho", "_method"));
  CHECK_FALSE(may_be_read_as("", "_method"));
  CHECK(decode_parameter("a+b%2Bc%252Bd%", 1) == "a b+c%2Bd%");
  CHECK(decode_parameter("a+b%2Bc%252Bd%", kUntilStable) == "a b+c+d%");
  CHECK(decode_parameter("%zz%4", 1) == "%zz%4");
}

}  // namespace halfdoor
