#include "failover/until.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "fixtures.h"

namespace halfdoor {
namespace {

class TimeZone {
 public:
  explicit TimeZone(const char* zone) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~TimeZone() {
    before_.empty() ? ::unsetenv("TZ") : ::setenv("TZ", before_.c_str(), 1);
    ::tzset();
  }

 private:
  std::string before_;
};

// Summer time from the last Sunday of March to that of October, as in Vienna; needs no zone files.
constexpr const char* kVienna = "CET-1CEST,M3.5.0,M10.5.0/3";

std::string until(std::string_view text, const std::string& now) {
  const Result<WallTime> time = parse_until(text, at(now));
  return time.ok() ? format_rfc3339(*time) : time.error().message;
}

TEST_CASE("a_clock_time_is_its_next_occurrence_in_local_time") {
  const TimeZone zone(kVienna);
  CHECK(until("18:00", "2026-11-22T03:00:00Z") == "2026-11-22T17:00:00Z");
  CHECK(until("04:00", "2026-11-22T03:00:00Z") == "2026-11-23T03:00:00Z");
  CHECK(until("4:01", "2026-11-22T03:00:00Z") == "2026-11-22T03:01:00Z");
  CHECK(until("00:00", "2026-12-31T22:59:59Z") == "2026-12-31T23:00:00Z");
  CHECK(until("00:00", "2026-12-31T23:00:00Z") == "2027-01-01T23:00:00Z");
}

TEST_CASE("a_clock_time_after_a_change_of_summer_time_is_right") {
  const TimeZone zone(kVienna);
  CHECK(until("08:00", "2026-03-28T12:00:00Z") == "2026-03-29T06:00:00Z");
  CHECK(until("08:00", "2026-10-24T12:00:00Z") == "2026-10-25T07:00:00Z");
}

TEST_CASE("a_duration_counts_from_now") {
  CHECK(until("+2h", "2026-11-22T03:00:00Z") == "2026-11-22T05:00:00Z");
  CHECK(until("+30m", "2026-11-22T03:00:00Z") == "2026-11-22T03:30:00Z");
  CHECK(until("+1d", "2026-11-22T03:00:00Z") == "2026-11-23T03:00:00Z");
}

TEST_CASE("a_full_time_is_taken_as_it_is") {
  CHECK(until("2026-11-22T18:00:00Z", "2026-11-22T03:00:00Z") == "2026-11-22T18:00:00Z");
  CHECK(until("2026-11-22T18:00:00+01:00", "2026-11-22T03:00:00Z") == "2026-11-22T17:00:00Z");
}

TEST_CASE("what_is_no_time_is_refused_with_what_to_write") {
  for (const char* bad : {"", "+", "+2", "2h", "24:00", "18:60", "1800", ":30", "18:", "18:0", "018:00", "tomorrow",
                          "+-2h", "18:00:00", "+2h30m", "-1:00", "1 :00"}) {
    INFO(bad);
    const std::string message = until(bad, "2026-11-22T03:00:00Z");
    CHECK(message.find("is not a time: write 18:00 (local), +2h, or 2026-11-22T05:00:00Z") != std::string::npos);
  }
}

TEST_CASE("a_time_that_is_over_is_refused") {
  CHECK(until("2026-11-22T02:59:59Z", "2026-11-22T03:00:00Z").find("is over already") != std::string::npos);
  CHECK(until("+0s", "2026-11-22T03:00:00Z").find("is over already") != std::string::npos);
}

}  // namespace
}  // namespace halfdoor
