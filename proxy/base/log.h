// The daemon's own log: one line per event on standard error, for the operator. Never waits: lines over what the writer
// can take are dropped and counted. Any thread.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace halfdoor {

enum class LogLevel { debug, info, warning, error };

// Before start_log() lines are written directly. `level` is the lowest that is written.
void start_log(LogLevel level);
// Writes what is queued, at the end of the process.
void stop_log();
bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view line);

template <class... T>
void log_debug(fmt::format_string<T...> format, T&&... values) {
  if (log_enabled(LogLevel::debug)) log_line(LogLevel::debug, fmt::format(format, std::forward<T>(values)...));
}
template <class... T>
void log_info(fmt::format_string<T...> format, T&&... values) {
  if (log_enabled(LogLevel::info)) log_line(LogLevel::info, fmt::format(format, std::forward<T>(values)...));
}
template <class... T>
void log_warning(fmt::format_string<T...> format, T&&... values) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<T>(values)...));
}
template <class... T>
void log_error(fmt::format_string<T...> format, T&&... values) {
  log_line(LogLevel::error, fmt::format(format, std::forward<T>(values)...));
}

}  // namespace halfdoor
