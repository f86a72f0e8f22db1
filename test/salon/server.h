// The HTTP server of one salon host: routes, limits, the log, and errors as answers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange.h"
#include "options.h"
#include "replication.h"
#include "request_log.h"
#include "timer.h"

struct evhttp;

namespace salon {

// Path segments of the target that stand for "*" in the route's path.
using Captures = std::vector<std::string>;

class Server {
 public:
  using Handler = std::function<Response(const Request&, const Captures&)>;
  using LaterHandler = std::function<void(ExchangePtr, const Captures&)>;

  Server(event_base* base, const Options& options, Replication& replication);
  ~Server();

  // Binds and returns the address with the real port; throws if it cannot.
  Endpoint listen();
  void stop();  // ends every exchange

  // A path is segments, "*" being any one. HEAD is served by the handler of GET.
  void on(const std::string& method, const std::string& path, Handler handler);
  void on_later(const std::string& method, const std::string& path, LaterHandler handler);

  const Options& options() const { return options_; }
  Replication& replication() { return replication_; }
  Delays& delays() { return delays_; }

  // For handlers of pages:
  std::optional<std::string> user_of(const Request& request) const;
  const Database& writable_database();  // throws HttpError(503) where writes are not taken

 private:
  struct EvhttpFree {
    void operator()(evhttp* http) const;
  };
  struct Route {
    std::string method;
    std::vector<std::string> path;
    LaterHandler handler;
  };

  static void received(struct evhttp_request* request, void* self);
  void dispatch(const ExchangePtr& exchange);
  void route(const ExchangePtr& exchange);
  Response error_response(const Request& request, int status, const std::string& message) const;
  void log_arrival(const Exchange& exchange, std::uint64_t number);
  void log_answer(const Exchange& exchange, std::uint64_t number, std::int64_t arrived_us, int status);

  event_base* base_;
  const Options& options_;
  Replication& replication_;
  RequestLog log_;
  std::vector<Route> routes_;
  std::uint64_t requests_ = 0;
  std::set<std::weak_ptr<Exchange>, std::owner_less<std::weak_ptr<Exchange>>> open_;
  std::unique_ptr<evhttp, EvhttpFree> http_;
  Delays delays_;
};

}  // namespace salon
