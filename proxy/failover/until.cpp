#include "failover/until.h"

#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <string>

namespace halfdoor {

namespace {

// "18:00" or "8:05" of the local time zone: today, or tomorrow if that is over.
std::optional<WallTime> next_local(std::string_view text, WallTime now) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon > 2 || text.size() != colon + 3) return std::nullopt;
  const std::optional<uint64_t> hour = parse_unsigned(text.substr(0, colon));
  const std::optional<uint64_t> minute = parse_unsigned(text.substr(colon + 1));
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  const std::time_t present = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now));
  std::tm today{};
  localtime_r(&present, &today);
  for (int days = 0; days <= 1; ++days) {
    std::tm wanted = today;
    wanted.tm_mday += days;
    wanted.tm_hour = static_cast<int>(*hour);
    wanted.tm_min = static_cast<int>(*minute);
    wanted.tm_sec = 0;
    wanted.tm_isdst = -1;  // mktime knows whether summer time will be in force
    const std::time_t then = std::mktime(&wanted);
    if (then != -1 && std::chrono::system_clock::from_time_t(then) > now) {
      return std::chrono::system_clock::from_time_t(then);
    }
  }
  return std::nullopt;
}

std::optional<WallTime> parse(std::string_view text, WallTime now) {
  if (!text.empty() && text.front() == '+') {
    const std::optional<Milliseconds> ahead = parse_duration(text.substr(1));
    return ahead ? std::optional<WallTime>(now + *ahead) : std::nullopt;
  }
  if (const std::optional<WallTime> local = next_local(text, now)) return local;
  return parse_rfc3339(text);
}

}  // namespace

Result<WallTime> parse_until(std::string_view text, WallTime now) {
  const std::optional<WallTime> time = parse(text, now);
  if (!time) {
    return Error{fmt::format("\"{}\" is not a time: write 18:00 (local), +2h, or {}", text,
                             format_rfc3339(now + std::chrono::hours(2)))};
  }
  if (*time <= now) {
    return Error{fmt::format("\"{}\" is over already: it is {} now", text, format_rfc3339(now))};
  }
  return *time;
}

}  // namespace halfdoor
