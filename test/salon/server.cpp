// Receiving, routing, logging and failing in order.
#include "server.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "html.h"
#include "session.h"

namespace salon {

namespace {

constexpr ev_ssize_t max_head_bytes = ev_ssize_t{16} * 1024;
constexpr ev_ssize_t max_body_bytes = ev_ssize_t{64} * 1024;  // the largest form is a few hundred bytes
constexpr int idle_timeout_s = 120;                           // longer than the longest /slow

std::int64_t now_us() {
  using std::chrono::microseconds;
  return std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t start = 1;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    parts.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path, Captures& captures) {
  if (pattern.size() != path.size()) return false;
  captures.clear();
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (pattern[i] == "*") {
      captures.push_back(path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

std::string dump(const nlohmann::json& json) {
  // What a client sent may be any bytes; a log line is always UTF-8.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void Server::EvhttpFree::operator()(evhttp* http) const { evhttp_free(http); }

Server::Server(event_base* base, const Options& options, Replication& replication)
    : base_(base),
      options_(options),
      replication_(replication),
      log_(options.log),
      http_(evhttp_new(base)),
      delays_(base) {
  if (http_ == nullptr) throw std::runtime_error("cannot create the HTTP server");
  evhttp_set_max_headers_size(http_.get(), max_head_bytes);
  evhttp_set_max_body_size(http_.get(), max_body_bytes);
  evhttp_set_timeout(http_.get(), idle_timeout_s);
  // All that evhttp can name, so that they are logged and answered 405; it answers others 501 by itself.
  evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                              EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                              EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
  evhttp_set_default_content_type(http_.get(), nullptr);
  evhttp_set_gencb(http_.get(), &Server::received, this);
}

Server::~Server() { stop(); }

Endpoint Server::listen() {
  evhttp_bound_socket* socket =
      evhttp_bind_socket_with_handle(http_.get(), options_.listen.host.c_str(), options_.listen.port);
  if (socket == nullptr) throw std::runtime_error(fmt::format("cannot listen on {}", options_.listen.url()));
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  getsockname(evhttp_bound_socket_get_fd(socket), reinterpret_cast<sockaddr*>(&address), &length);
  const auto port = address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                                  : reinterpret_cast<sockaddr_in*>(&address)->sin_port;
  return {options_.listen.host, ntohs(port)};
}

void Server::stop() {
  for (const auto& weak : std::exchange(open_, {})) {
    if (const auto exchange = weak.lock()) exchange->abandon();
  }
  delays_.clear();
}

void Server::on(const std::string& method, const std::string& path, Handler handler) {
  on_later(method, path, [this, handler = std::move(handler)](const ExchangePtr& exchange, const Captures& captures) {
    const Response response = handler(exchange->request(), captures);
    if (!exchange->request().is_safe()) replication_.publish_changes();
    exchange->answer(response);
  });
}

void Server::on_later(const std::string& method, const std::string& path, LaterHandler handler) {
  routes_.push_back({method, segments(path), std::move(handler)});
}

std::optional<std::string> Server::user_of(const Request& request) const {
  return user_of_cookies(options_.secret, request.header("cookie"), std::time(nullptr));
}

const Database& Server::writable_database() {
  if (!replication_.takes_writes()) {
    throw HttpError(503, fmt::format("Nothing can be changed here right now: {}.", replication_.why_no_writes()));
  }
  return replication_.database();
}

void Server::received(evhttp_request* request, void* self) {
  auto& server = *static_cast<Server*>(self);
  const std::uint64_t number = ++server.requests_;
  const std::int64_t arrived_us = now_us();
  const auto exchange =
      std::make_shared<Exchange>(request, [&server, number, arrived_us](const Exchange& answered, int status) {
        server.log_answer(answered, number, arrived_us, status);
      });
  std::erase_if(server.open_, [](const auto& weak) { return weak.expired(); });
  server.open_.insert(exchange);
  server.log_arrival(*exchange, number);
  server.dispatch(exchange);
}

void Server::dispatch(const ExchangePtr& exchange) {
  const Request& request = exchange->request();
  try {
    route(exchange);
  } catch (const HttpError& error) {
    exchange->answer(error_response(request, error.status(), error.what()));
  } catch (const DatabaseError& error) {
    const int status = error.is_read_only() ? 503 : 500;
    exchange->answer(error_response(request, status, fmt::format("The database says: {}.", error.what())));
  } catch (const std::exception& error) {
    exchange->answer(error_response(request, 500, fmt::format("The salon failed: {}.", error.what())));
  }
}

void Server::route(const ExchangePtr& exchange) {
  const Request& request = exchange->request();
  if (!replication_.has_data() && !request.path.starts_with("/replication/")) {
    throw HttpError(503, "This host has not received any data yet.");
  }
  const auto path = segments(request.path);
  std::string allowed;
  Captures captures;
  for (const Route& candidate : routes_) {
    if (!matches(candidate.path, path, captures)) continue;
    const bool is_head_of_get = request.method == "HEAD" && candidate.method == "GET";
    if (request.method == candidate.method || is_head_of_get) return candidate.handler(exchange, captures);
    allowed += (allowed.empty() ? "" : ", ") + candidate.method;
    if (candidate.method == "GET") allowed += ", HEAD";
  }
  if (allowed.empty()) throw HttpError(404, "There is no such page.");
  allowed += ", OPTIONS";
  Response response = request.method == "OPTIONS" ? Response{204, "", "", {}}
                                                  : error_response(request, 405, "This method is not for this page.");
  response.headers.emplace_back("Allow", allowed);
  exchange->answer(response);
}

Response Server::error_response(const Request& request, int status, const std::string& message) const {
  Response response{status, "", "", {{"Cache-Control", "no-store"}}};
  if (status == 503) response.headers.emplace_back("Retry-After", "5");
  if (request.wants_json()) {
    response.content_type = "application/problem+json";
    response.body = dump({{"status", status}, {"title", message}}) + "\n";
  } else {
    response.content_type = "text/html; charset=utf-8";
    const html::Frame frame{options_.name, replication_.takes_writes(), options_.halfdoor_url, ""};
    response.body = html::page(frame, fmt::format("{}", status), html::message_box(message, "/", "Back to the salon"));
  }
  return response;
}

void Server::log_arrival(const Exchange& exchange, std::uint64_t number) {
  const Request& request = exchange.request();
  nlohmann::ordered_json line = {{"time", utc_now()},
                                 {"host", options_.name},
                                 {"event", "arrived"},
                                 {"n", number},
                                 {"method", request.method},
                                 {"path", request.path},
                                 {"target", request.target},
                                 {"request_id", request.request_id()},
                                 {"role", to_text(replication_.role())}};
  log_.write_line(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Server::log_answer(const Exchange& exchange, std::uint64_t number, std::int64_t arrived_us, int status) {
  const Request& request = exchange.request();
  const Version version = replication_.history().version();
  nlohmann::ordered_json line = {{"time", utc_now()},
                                 {"host", options_.name},
                                 {"event", "answered"},
                                 {"n", number},
                                 {"method", request.method},
                                 {"path", request.path},
                                 {"request_id", request.request_id()},
                                 {"status", status},
                                 {"us", now_us() - arrived_us},
                                 {"role", to_text(replication_.role())},
                                 {"term", version.term},
                                 {"change", version.change}};
  log_.write_line(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace salon
