// What is ill-formed in a path, and what is in normal form (design 1.7, robustness.md "path tricks").
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

TEST_CASE("knows a normal form when it sees one") {
  for (const char* path : {"/", "/a", "/a/b/", "/a-._~!$&'()*+,=:@z/09", "/.a", "/..a", "/a..b"}) {
    INFO(path);
    CHECK(is_normal_form(path));
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

}  // namespace halfdoor::test
