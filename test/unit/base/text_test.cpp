#include "base/text.h"

#include <catch2/catch.hpp>
#include <random>

namespace halfdoor {

TEST_CASE("compares and lowers ASCII letters only") {
  CHECK(iequals("Content-Length", "cONTENT-lENGTH"));
  CHECK_FALSE(iequals("a", "ab"));
  CHECK_FALSE(iequals("@[", "`{"));
  CHECK_FALSE(iequals("\xc4", "\xe4"));
  CHECK(to_lower("ABC[Z]\xc4") == "abc[z]\xc4");
}

TEST_CASE("trims blanks and tabs, nothing else") {
  CHECK(trim(" \t a b\t ") == "a b");
  CHECK(trim("\r\na\v") == "\r\na\v");
  CHECK(trim(" \t ").empty());
  CHECK(trim("").empty());
}

TEST_CASE("split keeps empty pieces") {
  using Pieces = std::vector<std::string_view>;
  CHECK(split("a,b", ',') == Pieces{"a", "b"});
  CHECK(split(",a,,", ',') == Pieces{"", "a", "", ""});
  CHECK(split("", ',') == Pieces{""});
}

TEST_CASE("a number is digits only, within 64 bits") {
  CHECK(parse_unsigned("0") == 0);
  CHECK(parse_unsigned("007") == 7);
  CHECK(parse_unsigned("18446744073709551615") == UINT64_MAX);
  for (const char* text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1_0"}) {
    INFO(text);
    CHECK_FALSE(parse_unsigned(text));
  }
}

TEST_CASE("durations need a whole number and a unit") {
  CHECK(parse_duration("500ms") == Milliseconds(500));
  CHECK(parse_duration("0s") == Milliseconds(0));
  CHECK(parse_duration("3s") == Milliseconds(3'000));
  CHECK(parse_duration("10m") == Milliseconds(600'000));
  CHECK(parse_duration("2h") == Milliseconds(7'200'000));
  CHECK(parse_duration("365d") == Milliseconds(31'536'000'000));
  for (const char* text : {"", "s", "3", "3 s", " 3s", "3s ", "-3s", "+3s", "1.5s", "3S", "3sec", "1m30s", "3us",
                           "366d", "31536000001ms", "18446744073709551615d", "99999999999999999999s"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("a formatted duration is the shortest whole one and reads back") {
  CHECK(format_duration(Milliseconds(0)) == "0ms");
  CHECK(format_duration(Milliseconds(1'500)) == "1500ms");
  CHECK(format_duration(Milliseconds(60'000)) == "1m");
  CHECK(format_duration(Milliseconds(90'000)) == "90s");
  CHECK(format_duration(Milliseconds(86'400'000)) == "1d");
  for (int64_t ms : {1, 999, 1'000, 61'000, 3'600'000, 3'660'000, 172'800'000}) {
    CHECK(parse_duration(format_duration(Milliseconds(ms))) == Milliseconds(ms));
  }
}

TEST_CASE("sizes are bytes or binary units") {
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("100") == 100);
  CHECK(parse_size("64KiB") == 65'536);
  CHECK(parse_size("16MiB") == 16'777'216);
  CHECK(parse_size("1GiB") == 1'073'741'824);
  CHECK(parse_size("17179869183GiB") == 17'179'869'183ULL << 30);
  for (const char* text : {"", "KiB", "64kib", "64KB", "64K", "64 KiB", "1.5MiB", "-1", "1TiB", "17179869184GiB"}) {
    INFO(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("a formatted size is in the largest whole unit and reads back") {
  CHECK(format_size(0) == "0");
  CHECK(format_size(1'000) == "1000");
  CHECK(format_size(1'024) == "1KiB");
  CHECK(format_size(1'536) == "1536");
  CHECK(format_size(16 << 20) == "16MiB");
  CHECK(format_size(3ULL << 30) == "3GiB");
  for (uint64_t bytes : {1ULL, 1'025ULL, 65'536ULL, 1ULL << 40}) CHECK(parse_size(format_size(bytes)) == bytes);
}

TEST_CASE("times are written in UTC, with milliseconds when asked") {
  const WallTime time{std::chrono::milliseconds(1'795'365'524'007)};
  CHECK(format_rfc3339(time) == "2026-11-22T16:38:44Z");
  CHECK(format_rfc3339_ms(time) == "2026-11-22T16:38:44.007Z");
  const WallTime before_1970{std::chrono::milliseconds(-1)};
  CHECK(format_rfc3339(before_1970) == "1969-12-31T23:59:59Z");
  CHECK(format_rfc3339_ms(before_1970) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("times are read with any offset and fraction") {
  const WallTime time{std::chrono::milliseconds(1'795'365'524'000)};
  using Ms = Milliseconds;
  CHECK(parse_rfc3339("2026-11-22T16:38:44Z") == time);
  CHECK(parse_rfc3339("2026-11-22t16:38:44z") == time);
  CHECK(parse_rfc3339("2026-11-22 16:38:44Z") == time);
  CHECK(parse_rfc3339("2026-11-22T17:38:44+01:00") == time);
  CHECK(parse_rfc3339("2026-11-22T11:08:44-05:30") == time);
  CHECK(parse_rfc3339("2026-11-23T00:08:44+07:30") == time);
  CHECK(parse_rfc3339("2026-11-22T16:38:44.5Z") == time + Ms(500));
  CHECK(parse_rfc3339("2026-11-22T16:38:44.0079999Z") == time + Ms(7));
  CHECK(parse_rfc3339("2026-11-22T16:38:44.5+00:00") == time + Ms(500));
  CHECK(parse_rfc3339("2028-02-29T00:00:00Z"));
  CHECK(parse_rfc3339("2016-12-31T23:59:60Z") == parse_rfc3339("2017-01-01T00:00:00Z"));
  CHECK(format_rfc3339(*parse_rfc3339("1678-01-01T00:00:00+23:59")) == "1677-12-31T00:01:00Z");
  CHECK(format_rfc3339(*parse_rfc3339("2261-12-31T23:59:59-23:59")) == "2262-01-01T23:58:59Z");
}

TEST_CASE("what is not a time is not read") {
  for (const char* text : {"",
                           "2026-11-22",
                           "2026-11-22T16:38Z",
                           "2026-11-22T16:38:44",
                           "2026-11-22T16:38:44.Z",
                           "2026-11-22T16:38:44Zx",
                           "2026-11-22T16:38:44+01",
                           "2026-11-22T16:38:44+0100",
                           "2026-11-22T16:38:44+24:00",
                           "2026-11-22T16:38:44+01:60",
                           "2026-11-22T16:38:44+1:00",
                           "2026-11-22T16:38:44+01:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T16:60:00Z",
                           "2026-11-22T16:38:61Z",
                           "2026/11/22T16:38:44Z",
                           "2026-11-22X16:38:44Z",
                           "2026-11-22T16-38-44Z",
                           "26-11-22T16:38:44Z",
                           "-026-11-22T16:38:44Z",
                           "1677-12-31T23:59:59Z",
                           "2262-01-01T00:00:00Z",
                           "9999-12-31T23:59:59Z",
                           "0000-01-01T00:00:00Z",
                           "2026-11-22T16:38:44+"}) {
    INFO(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("every time reads back as it was written") {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int64_t> ms(-2'000'000'000'000, 4'000'000'000'000);
  for (int i = 0; i < 2'000; ++i) {
    const WallTime time{std::chrono::milliseconds(ms(random))};
    CHECK(parse_rfc3339(format_rfc3339_ms(time)) == time);
    CHECK(parse_rfc3339(format_rfc3339(time)) == std::chrono::floor<std::chrono::seconds>(time));
  }
}

}  // namespace halfdoor
