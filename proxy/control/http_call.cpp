#include "control/http_call.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/http_connection.h"

namespace halfdoor {

std::shared_ptr<HttpCall> HttpCall::begin(HttpConnection& connection, std::string body) {
  std::shared_ptr<HttpCall> call(new HttpCall);
  const RequestHead& head = connection.head();
  call->connection_ = &connection;
  call->over_tcp_ = connection.over_tcp();
  call->method_ = head.method;
  call->path_ = head.path;
  call->query_ = head.query;
  call->body_ = std::move(body);
  return call;
}

std::string HttpCall::field(const char* name) const {
  if (!is_open()) return "";
  const Field* found = connection_->head().fields.find(std::string_view(name));
  return found != nullptr ? std::string(found->value) : "";
}

std::string HttpCall::query_parameter(std::string_view name) const {
  for (const std::string_view pair : split(query_, '&')) {
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return std::string(pair.substr(equals + 1));
  }
  return "";
}

std::string HttpCall::peer_actor() const {
  if (!is_open()) return "unknown";
  struct ucred peer {};
  socklen_t length = sizeof(peer);
  if (::getsockopt(connection_->fd(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return "unknown";
  std::vector<char> buffer(1 << 14);
  struct passwd entry {};
  struct passwd* found = nullptr;
  ::getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? fmt::format("uid:{}({})", peer.uid, found->pw_name) : fmt::format("uid:{}", peer.uid);
}

void HttpCall::reply(int status, const std::string& content_type, const std::string& body, const Fields& fields) {
  if (!is_open()) return;
  std::exchange(connection_, nullptr)->reply(status, content_type, body, fields);
}

bool HttpCall::start_stream() {
  if (!is_open()) return false;
  connection_->start_stream();
  return true;
}

bool HttpCall::send_event(const std::string& text) { return is_open() && connection_->send(text); }

void HttpCall::end_stream() {
  if (is_open()) std::exchange(connection_, nullptr)->end_stream();
}

void reply_problem(HttpCall& call, int status, const std::string& detail) {
  const nlohmann::json problem{
      {"type", "about:blank"}, {"title", reason_phrase(status)}, {"status", status}, {"detail", detail}};
  call.reply(status, "application/problem+json",
             problem.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace halfdoor
