// Durations, sizes, times and --until: what is read is in range, and what is written of it is read as the same.
#include "base/text.h"
#include "failover/until.h"
#include "fuzz/fuzz_target.h"

namespace halfdoor::fuzz {

namespace {

void check_time(std::string_view text) {
  const auto time = parse_rfc3339(text);
  if (!time) return;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  require(parse_rfc3339(format_rfc3339(*time)) == WallTime(seconds), "a time that is written is the one that was read",
          [&] { return format_rfc3339(*time); });
  const auto milliseconds = std::chrono::floor<Milliseconds>(*time);
  require(parse_rfc3339(format_rfc3339_ms(*time)) == WallTime(milliseconds), "with milliseconds, too",
          [&] { return format_rfc3339_ms(*time); });
}

void check_until(std::string_view text) {
  const WallTime now{std::chrono::seconds(1'795'365'524)};
  const Result<WallTime> until = parse_until(text, now);
  if (until.ok()) {
    require(*until > now, "what an operator waits for is in the future");
    require(!format_rfc3339(*until).empty(), "it can be written");
  } else {
    require(!until.error().message.empty(), "an error says what to write");
  }
}

void run(std::string_view bytes) {
  Input input(bytes);
  switch (input.choose(5)) {
    case 0: {
      const auto duration = parse_duration(input.rest());
      if (!duration) return;
      require(duration->count() >= 0 && *duration <= std::chrono::hours(365 * 24), "a duration is within a year");
      require(parse_duration(format_duration(*duration)) == duration, "a duration that is written is the same",
              [&] { return format_duration(*duration); });
      return;
    }
    case 1: {
      const auto size = parse_size(input.rest());
      if (size) require(parse_size(format_size(*size)) == size, "a size that is written is the same");
      return;
    }
    case 2: return check_time(input.rest());
    case 3: return check_until(input.rest());
    default: {
      const auto number = parse_unsigned(input.rest());
      if (number) require(parse_unsigned(std::to_string(*number)) == number, "a number that is written is the same");
    }
  }
}

HALFDOOR_FUZZ_TARGET(text_values, run);

}  // namespace

}  // namespace halfdoor::fuzz
