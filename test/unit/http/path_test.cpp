// Paths in normal form: what rules see (design 1.7, robustness.md "path tricks").
#include "http/path.h"

#include <catch2/catch.hpp>

namespace halfdoor::test {

TEST_CASE("finds what makes a path a 400") {
  for (const char* path : {"/",    "/a",     "/a/b/",       "//",      "/a/..",     "/a/../", "/a/./b/../..", "/%41",
                           "/%2f", "/%5c",   "/a%2fb",      "/...",    "/..a",      "/.a",    "/a;x",         "/;x/a",
                           "/%25", "/%2500", "/a/%2e%2e/b", "/a/..;x", "/\\..\\..", "/%ff",   "/a/b/../../c"}) {
    INFO(path);
    CHECK(check_path(path) == PathProblem::none);
  }
  for (const char* path : {"/%", "/%4", "/%g1", "/%1g", "/a%", "/%%", "/%-1", "/%+1", "/% 1", "/a%4"}) {
    INFO(path);
    CHECK(check_path(path) == PathProblem::bad_escape);
  }
  for (const char* path : {"/%00", "/a%00.html", "/%2e%00"}) CHECK(check_path(path) == PathProblem::nul);
  for (const char* path :
       {"/..", "/../", "/a/../..", "/%2e%2e", "/.%2E", "/%2e./x", "/a/..%2f..", "/a%2f..%2f..%2fb", "/..;/a", "/..;x=1",
        "/%2e%2e;x/", "/..%3bx", "/a/../../b/c", "//..", "/./..", "/;x/..", "/a//../.."}) {
    INFO(path);
    CHECK(check_path(path) == PathProblem::above_root);
  }
}

TEST_CASE("brings paths to normal form") {
  struct Row {
    const char* path;
    const char* expected;
  };
  const Row rows[] = {
      {"/", "/"},          {"/a/b", "/a/b"},       {"/a/b/", "/a/b/"},   {"//a///b", "/a/b"},
      {"/a/./b", "/a/b"},  {"/a/.", "/a/"},        {"/a/..", "/"},       {"/a/b/..", "/a/"},
      {"/a/../b", "/b"},   {"/%61", "/a"},         {"/%2E/a", "/a"},     {"/a/%2e%2e/b", "/b"},
      {"/a%2fb", "/a/b"},  {"/a;x=1/b;y", "/a/b"}, {"/;x/a", "/a"},      {"/%2561", "/%61"},
      {"/A", "/A"},        {"/a\\b", "/a\\b"},     {"/a%3bx/b", "/a/b"}, {"/a//", "/a/"},
      {"/a.", "/a."},      {"/a/...", "/a/..."},   {"/a/..;x/b", "/b"},  {"//", "/"},
      {"/a/b/../..", "/"}, {"/x/../../a", "/a"},   {"/a/%zz", "/a/%zz"}, {"/a%", "/a%"},
      {"", "/"},           {"/a;", "/a"},
  };
  for (const Row& row : rows) {
    INFO(row.path);
    CHECK(normal_form(row.path) == row.expected);
  }
}

TEST_CASE("knows a normal form when it sees one") {
  for (const char* path : {"/", "/a", "/a/b/", "/a-._~!$&'()*+,=:@z/09", "/.a", "/..a", "/a..b"}) {
    INFO(path);
    CHECK(is_normal_form(path));
    CHECK(normal_form(path) == path);
  }
  for (const char* path :
       {"",      "a",      "*",    "//",    "/a//b",     "/a//",  "/.",   "/..",   "/./a",  "/a/..", "/a/../b",
        "/%61",  "/a%2fb", "/a;x", "/a\\b", "/a.",       "/a./b", "/...", "/a b",  "/a\"b", "/<a>",  "/a[b]",
        "/a{b}", "/a|b",   "/a^b", "/a`b",  "/\xc3\xa4", "/a?b",  "/a#b", "/\x01", "/\x7f", "/%",    "/;"}) {
    INFO(path);
    CHECK_FALSE(is_normal_form(path));
  }
  CHECK_FALSE(is_normal_form(std::string_view("/a\0b", 4)));
}

TEST_CASE("finds every spelling of a path for deny rules") {
  for (const char* path : {"/bookings/cancel",         "/Bookings/CANCEL",
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
                           "/bookings/%c0%a563ancel",  "/../bookings/cancel",
                           "/x/..%20/bookings/cancel"}) {
    INFO(path);
    CHECK(deny_form(path) == "/bookings/cancel");
  }
  CHECK(deny_form("/bookings/cancel/") == "/bookings/cancel/");
  CHECK(deny_form("/bookings/cancel.html") == "/bookings/cancel.html");
  CHECK(deny_form("/bookings/cancel2") == "/bookings/cancel2");
  CHECK(deny_form("/caf%c3%a9") == "/caf\xc3\xa9");
  CHECK(deny_form("") == "/");
}

TEST_CASE("a deny form does not change any more, whatever it was made of") {
  // A fixed sequence of paths made of the pieces that matter.
  constexpr std::string_view kPieces[] = {"/",   ".",     "..",  "%2e", "%25", "2e",     "%252f", "\\",     ";",
                                          "a",   "A",     "%",   "%5c", "%00", "%c0%ae", "\xc0",  "\xaf",   " ",
                                          "%20", "%2500", "b/c", "%3b", "4",   "1",      "\x7f",  "%e0%80", "%af"};
  uint32_t random = 12345;
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (int piece = 0; piece < 10; ++piece) {
      random = random * 1664525U + 1013904223U;
      path += kPieces[(random >> 8U) % std::size(kPieces)];
    }
    INFO(path);
    const std::string once = deny_form(path);
    REQUIRE(deny_form(once) == once);
    REQUIRE(once.front() == '/');
    const std::string normal = normal_form(path);
    REQUIRE(normal.front() == '/');
    if (is_normal_form(path)) REQUIRE(normal == path);
    if (normal.find('%') == std::string::npos) REQUIRE(normal_form(normal) == normal);
  }
}

TEST_CASE("decoding ends after eight rounds, however often a path was encoded") {
  std::string path = "/%";
  for (int i = 0; i < 4000; ++i) path += "25";
  CHECK(deny_form(path + "61").size() > 7000);
  const std::string deep = "/%25252525252561";
  CHECK(deny_form(deep) == "/a");
}

}  // namespace halfdoor::test
