#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace halfdoor {

namespace {

constexpr size_t kQueuedLines = 8192;
constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_direct_logger() {
  auto logger = std::make_shared<spdlog::logger>("halfdoor", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(kPattern, spdlog::pattern_time_type::utc);
  return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> current = make_direct_logger();
  return current;
}

}  // namespace

void start_log(LogLevel level) {
  spdlog::init_thread_pool(kQueuedLines, 1);
  auto queued =
      std::make_shared<spdlog::async_logger>("halfdoor", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                             spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
  queued->set_pattern(kPattern, spdlog::pattern_time_type::utc);
  queued->set_level(level_of(level));
  logger() = std::move(queued);
}

void stop_log() {
  logger() = make_direct_logger();
  spdlog::shutdown();
}

bool log_enabled(LogLevel level) { return logger()->should_log(level_of(level)); }

void log_line(LogLevel level, std::string_view line) {
  logger()->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace halfdoor
