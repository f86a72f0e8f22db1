// Hop-by-hop fields, hosts, tokens and dates.
#include "http/semantics.h"

#include <catch2/catch.hpp>

namespace halfdoor::test {
namespace {

std::string names_after_removal(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  FieldList list;
  for (const auto& [name, value] : fields) list.add(name, value);
  remove_hop_by_hop(list);
  std::string names;
  for (const Field& field : list) names.append(field.name).append(" ");
  return names;
}

std::string normalized(std::string_view authority) {
  Arena arena;
  const auto host = normalize_host(authority, arena);
  return host ? std::string(*host) : "null";
}

}  // namespace

TEST_CASE("removes what is hop-by-hop by definition") {
  CHECK(names_after_removal({{"Connection", "close"},
                             {"Keep-Alive", "timeout=5"},
                             {"TE", "trailers"},
                             {"Transfer-Encoding", "chunked"},
                             {"Upgrade", "h2c"},
                             {"Proxy-Connection", "close"},
                             {"Proxy-Authenticate", "x"},
                             {"PROXY-AUTHORIZATION", "x"},
                             {"HTTP2-Settings", "x"},
                             {"Trailer", "x"},
                             {"content-length", "5"},
                             {"Host", "a"},
                             {"X", "1"}}) == "Host X ");
}

TEST_CASE("removes what Connection names, over all its lines and in any case") {
  CHECK(names_after_removal({{"x-a", "1"},
                             {"Connection", "X-A , close,, x-b"},
                             {"X-B", "1"},
                             {"X-C", "1"},
                             {"connection", "x-d"},
                             {"X-D", "1"},
                             {"x-a", "2"},
                             {"X-AA", "1"}}) == "X-C X-AA ");
}

TEST_CASE("Connection cannot remove what others rely on") {
  for (const char* name : {"Host",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Range",
                           "Content-Disposition",
                           "Authorization",
                           "Cookie",
                           "Set-Cookie",
                           "X-Forwarded-For",
                           "X-Forwarded-Host",
                           "X-Forwarded-Proto",
                           "X-Forwarded-Port",
                           "X-Forwarded-Anything",
                           "Forwarded",
                           "X-Real-IP",
                           "X-HTTP-Method-Override",
                           "X-HTTP-Method",
                           "X-Method-Override",
                           "X-Request-Id",
                           "Expect",
                           "Origin",
                           "Date",
                           "Cache-Control",
                           "Via",
                           "If-Match",
                           "Range",
                           "Location",
                           "Halfdoor-Mode",
                           "Accept",
                           "Max-Forwards",
                           "Sec-Fetch-Site"}) {
    INFO(name);
    CHECK(names_after_removal({{"Connection", name}, {name, "1"}}) == std::string(name) + " ");
  }
}

TEST_CASE("Connection may name itself, nothing and nonsense") {
  CHECK(names_after_removal({{"Connection", "connection, , \"x\", x y, ="}, {"X", "1"}, {"Connection", "x"}}).empty());
  CHECK(names_after_removal({{"Connection", ""}, {"X", "1"}}) == "X ");
}

TEST_CASE("brings hosts to normal form") {
  CHECK(normalized("Salon.Example") == "salon.example");
  CHECK(normalized("salon.example.") == "salon.example");
  CHECK(normalized("SALON.example.:443") == "salon.example");
  CHECK(normalized("salon.example:") == "salon.example");
  CHECK(normalized("localhost:65535") == "localhost");
  CHECK(normalized("10.0.0.1:80") == "10.0.0.1");
  CHECK(normalized("a_b-c~d") == "a_b-c~d");
  CHECK(normalized("[::1]") == "[::1]");
  CHECK(normalized("[2001:DB8::A]:8080") == "[2001:db8::a]");
  CHECK(normalized(std::string(255, 'a')) == std::string(255, 'a'));
}

TEST_CASE("refuses what is no host") {
  for (const char* authority : {"",
                                ".",
                                "..",
                                "a..",
                                "a..b",
                                ".a",
                                ":80",
                                "a:b",
                                "a:65536",
                                "a:000080",
                                "a:-1",
                                "a:80:80",
                                "u@a",
                                "u:p@a",
                                "a/b",
                                "a?b",
                                "a#b",
                                "a,b",
                                "a b",
                                " a",
                                "a ",
                                "a\tb",
                                "a\\b",
                                "a%2eb",
                                "a%00",
                                "[::1",
                                "::1",
                                "[::1]x",
                                "[]",
                                "[::g]",
                                "[::1%25eth0]",
                                "[v1.x]",
                                "[10.0.0.1]",
                                "[::1]:x",
                                "a\"b",
                                "<a>",
                                "a;b",
                                "a'b",
                                "a(b)",
                                "a=b",
                                "a\x80",
                                "a\x7f",
                                "[::1]]",
                                "a]",
                                "a[",
                                "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"}) {
    INFO(authority);
    CHECK(normalized(authority) == "null");
  }
  CHECK(normalized(std::string(256, 'a')) == "null");
  CHECK(normalized(std::string_view("a\0b", 3)) == "null");
  CHECK(normalized(std::string_view("[::1\0]", 6)) == "null");
}

TEST_CASE("the normal form of a host outlives what it was made of") {
  Arena arena;
  std::string authority = "Salon.Example";
  const auto host = normalize_host(authority, arena);
  authority.assign(authority.size(), 'x');
  CHECK(*host == "salon.example");
}

TEST_CASE("knows tokens and field values") {
  CHECK(is_token("!#$%&'*+-.^_`|~09azAZ"));
  CHECK_FALSE(is_token(""));
  for (const char c : std::string_view("\"(),/:;<=>?@[\\]{} \t\x7f\x80\xff\x01"))
    CHECK_FALSE(is_token(std::string(1, c)));
  CHECK_FALSE(is_token(std::string_view("a\0", 2)));
  CHECK(is_field_value(""));
  CHECK(is_field_value("a b\tc\x80\xff"));
  for (const char c : std::string_view("\r\n\x01\x1f\x7f")) CHECK_FALSE(is_field_value(std::string(1, c)));
  CHECK_FALSE(is_field_value(std::string_view("a\0", 2)));
}

TEST_CASE("visits the elements of a list") {
  std::string visited;
  for_each_element(" a,b ,, \t,c d,", [&](std::string_view element) { visited.append(element).append("|"); });
  CHECK(visited == "a|b|c d|");
}

TEST_CASE("formats dates") {
  CHECK(format_http_date(1795365524) == "Sun, 22 Nov 2026 16:38:44 GMT");
  CHECK(format_http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(format_http_date(951782399) == "Mon, 28 Feb 2000 23:59:59 GMT");
  CHECK(format_http_date(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(format_http_date(4102444799) == "Thu, 31 Dec 2099 23:59:59 GMT");
}

}  // namespace halfdoor::test
