// One request to another host, asynchronous and with a deadline for all of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "options.h"
#include "timer.h"

struct evhttp_connection;
struct evhttp_request;

namespace salon {

struct FetchRequest {
  std::string method = "GET";  // or POST
  std::string target;
  std::map<std::string, std::string> headers;
  std::int64_t timeout_ms = 1000;
};

struct FetchResult {
  int status = 0;  // 0: no answer, `error` says why
  std::string error;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Destroying it gives the request up, without calling on_done; that may be done within on_done.
class Fetch {
 public:
  Fetch(event_base* base, const Endpoint& host, const FetchRequest& request, std::function<void(FetchResult)> on_done);
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

 private:
  struct ConnectionFree {
    void operator()(evhttp_connection* connection) const;
  };
  static void completed(evhttp_request* request, void* self);
  void finish();

  std::function<void(FetchResult)> on_done_;
  FetchResult result_;
  Timer done_;  // fires at the deadline, or at once when the answer is complete
  std::unique_ptr<evhttp_connection, ConnectionFree> connection_;
};

}  // namespace salon
