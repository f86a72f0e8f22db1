// Unbuffered lines into a file or standard output.
#include "request_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace salon {

RequestLog::RequestLog(const std::filesystem::path& file)
    : fd_(file.empty() ? STDOUT_FILENO : open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)) {
  if (fd_ < 0) throw std::runtime_error(fmt::format("{}: cannot open the log for writing", file.string()));
}

RequestLog::~RequestLog() {
  if (fd_ != STDOUT_FILENO) close(fd_);
}

void RequestLog::write_line(std::string json) {
  json.push_back('\n');
  if (write(fd_, json.data(), json.size()) == static_cast<ssize_t>(json.size()) || has_complained_) return;
  has_complained_ = true;  // a full disk must not fill the error log too
  std::fprintf(stderr, "salon: the request log cannot be written\n");
}

std::string utc_now() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const std::time_t seconds = system_clock::to_time_t(now);
  const auto millis = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis);
}

}  // namespace salon
