// One request of a client and its answer, given now or later.
//
// Lifetime: shared by whoever will answer. evhttp keeps the request until it is answered, also when the
// client has left meanwhile, so an answer is always safe. An exchange that is dropped unanswered
// answers 500 itself: a mistake of ours shall be seen, not hang.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct evhttp_connection;
struct evhttp_request;

namespace salon {

struct Request {
  std::string method;
  std::string target;  // as received
  std::string path;    // of the target, not decoded
  std::string query;
  std::map<std::string, std::string> headers;  // names in lower case; repeated fields joined by ", "
  std::string body;

  std::string header(const std::string& lower_case_name) const;
  bool is_safe() const { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }
  bool wants_json() const;
  std::string request_id() const;  // printable, at most 128 characters
};

struct Response {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

Response json_response(int status, std::string body);
Response redirect(const std::string& location);  // 303: continue with GET

// Thrown by whoever finds out that a request cannot be answered as asked; server.cpp makes it a page,
// a JSON problem or text. The message is for the person who sent the request.
class HttpError : public std::runtime_error {
 public:
  HttpError(int status, const std::string& message) : std::runtime_error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  // `on_answered` is told the status once, when the answer is handed to evhttp.
  Exchange(evhttp_request* request, std::function<void(const Exchange&, int status)> on_answered);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }
  void answer(const Response& response);
  // Sends pieces until one is empty; the next is asked for when the last has left.
  void answer_in_pieces(const Response& head, std::function<std::string()> next_piece);
  void abandon();  // the host stops: end it in whatever way is left

 private:
  static void piece_sent(evhttp_connection*, void* self);
  static void connection_closed(evhttp_connection*, void* self);
  void send_piece();
  void end_pieces();
  void add_headers(const Response& response);

  Request request_;
  evhttp_request* evhttp_;  // null: answered
  std::function<void(const Exchange&, int)> on_answered_;
  std::function<std::string()> next_piece_;
  std::shared_ptr<Exchange> alive_while_sending_;
};

using ExchangePtr = std::shared_ptr<Exchange>;

}  // namespace salon
