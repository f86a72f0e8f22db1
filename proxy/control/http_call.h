// HttpCall: one request to the control API, whose answer may come later, when the client may have left.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halfdoor {

class HttpConnection;

// Control thread. Whoever will answer it keeps it; its connection does as long as it is open.
class HttpCall {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // The request is complete: its head stands in the connection.
  static std::shared_ptr<HttpCall> begin(HttpConnection& connection, std::string body);

  const std::string& method() const { return method_; }
  const std::string& path() const { return path_; }
  const std::string& body() const { return body_; }
  bool over_tcp() const { return over_tcp_; }
  // Of the first one; empty if there is none, or the call is not open.
  std::string field(const char* name) const;
  std::string query_parameter(std::string_view name) const;
  // "uid:0(root)" by the credentials of the peer of a Unix socket.
  std::string peer_actor() const;

  // Neither answered nor left.
  bool is_open() const { return connection_ != nullptr; }
  // No effect when it is not open. At most once.
  void reply(int status, const std::string& content_type, const std::string& body, const Fields& fields = {});
  void reply_json(int status, const std::string& body) { reply(status, "application/json", body); }

  // Starts a stream of events, and adds to it; false: the client has left, or does not read fast enough and was cut.
  bool start_stream();
  bool send_event(const std::string& text);
  void end_stream();

  // For the connection: it is closed.
  void cut_loose() { connection_ = nullptr; }

 private:
  HttpCall() = default;

  HttpConnection* connection_ = nullptr;
  std::string method_;
  std::string path_;
  std::string query_;
  std::string body_;
  bool over_tcp_ = false;
};

// An error as application/problem+json (RFC 9457); `detail` is for people.
void reply_problem(HttpCall& call, int status, const std::string& detail);

}  // namespace halfdoor
