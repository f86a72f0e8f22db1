// The log of requests: one JSON line when a request arrives, before anything is done, and one when it is answered.
//
//   {"time":"…","host":"B","event":"arrived","n":7,"method":"POST","path":"/bookings","target":"/bookings?x=1",
//    "request_id":"…","role":"replica"}
//   {"time":"…","host":"B","event":"answered","n":7,"method":"POST","path":"/bookings","request_id":"…",
//    "status":503,"us":412,"role":"replica","term":1,"change":17}
//
// Each line is written by one write() and not buffered, so a host that is killed has logged what it was
// executing: an "arrived" without its "answered". Checkers compare these histories.
#pragma once

#include <filesystem>
#include <string>

namespace salon {

class RequestLog {
 public:
  // An empty path means standard output.
  explicit RequestLog(const std::filesystem::path& file);
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  void write_line(std::string json);

 private:
  int fd_;
  bool has_complained_ = false;
};

std::string utc_now();  // "2030-01-02T03:04:05.678Z"

}  // namespace salon
