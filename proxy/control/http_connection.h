// HttpConnection: a client of the control API: one request after the other, each bounded in size and time.
//
//   idle ──> reading ──> calling ──> writing ──> idle      (moved by move_to() alone)
//     │         │           └──> streaming       │
//     └─────────┴────────────────┴───────────────┴──> lingering ──> closed
//
// calling    the answer is not there yet: it may take as long as a switch does
// streaming  events, until one side ends it
// lingering  the last answer is written; what still comes is thrown away so that the client gets to read it
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/intrusive_list.h"
#include "base/unique_fd.h"
#include "control/http_call.h"
#include "http/server_codec.h"

struct bufferevent;
struct event;
struct event_base;

namespace halfdoor {

class HttpServer;

// Control thread. Owned by its server.
class HttpConnection : public ListLink<HttpServer> {
 public:
  enum class State : uint8_t { idle, reading, calling, streaming, writing, lingering, closed };

  HttpConnection(HttpServer& server, struct event_base* base, UniqueFd fd, bool over_tcp);
  ~HttpConnection();

  State state() const { return state_; }
  // It may be closed for another one: nobody waits for an answer that is still to come.
  bool may_give_way() const { return state_ != State::calling && state_ != State::streaming; }
  // At once.
  void close();
  size_t unsent() const;

  // For HttpCall
  // --------------------------------------------------------------------------------------------------------
  const RequestHead& head() const { return head_; }
  bool over_tcp() const { return over_tcp_; }
  int fd() const;
  // A whole response; the next request may follow, if the client wants that.
  void reply(int status, const std::string& content_type, const std::string& body, const HttpCall::Fields& fields);
  // The head of a stream that ends with the connection.
  void start_stream();
  // False: it does not read, and was cut.
  bool send(std::string_view text);
  void end_stream();

 private:
  void move_to(State next);
  void set_deadline(int64_t ms);
  void read();
  void on_head();
  void on_body();
  void on_complete();
  void on_written();
  void refuse(int status, std::string_view why);
  void begin_linger();
  void write(std::string_view text);
  void write_head(int status, const std::string& content_type, const HttpCall::Fields& fields, std::string_view rest);

  HttpServer& server_;
  const bool over_tcp_;
  struct bufferevent* stream_;
  struct event* deadline_;
  Arena arena_;
  RequestHead head_;
  RequestReader reader_;
  std::string body_;
  std::shared_ptr<HttpCall> call_;
  State state_ = State::idle;
  bool closes_ = false;          // after the present answer
  bool peer_has_ended_ = false;  // no more requests will come
  size_t thrown_away_ = 0;
};

}  // namespace halfdoor
