// HttpServer: who may talk to the control API at one time: a bounded number, none of which can hold up the others.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "control/http_connection.h"

namespace halfdoor {

// Control thread. Over its number the connection that has been quiet longest gives way to a new one; where all wait for
// answers that are still to come, the new one is told to come again.
class HttpServer {
 public:
  using Answer = std::function<void(const std::shared_ptr<HttpCall>&)>;

  HttpServer(struct event_base* base, size_t most_connections, Answer answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // A listening socket, non-blocking.
  Status listen(UniqueFd fd, bool over_tcp);
  // No more connections, and an end to those that are open.
  void close();
  size_t connections() const { return open_; }

  // For its connections
  // ------------------------------------------------------------------------------------------------
  void answer(const std::shared_ptr<HttpCall>& call) { answer_(call); }
  // Whether an answer of this size may be kept until its client has taken it.
  bool has_room_for(size_t bytes);
  void on_closed(HttpConnection& connection);

 private:
  struct Listener;

  void accept_from(Listener& listener);
  void take(UniqueFd fd, bool over_tcp);
  HttpConnection* longest_quiet();
  void take_spares();
  void bury();

  struct event_base* base_;
  const size_t most_;
  Answer answer_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  IntrusiveList<HttpConnection, HttpServer> all_;  // the oldest first; owned
  std::vector<std::unique_ptr<HttpConnection>> dead_;
  struct event* burial_;  // destroys what is dead when none of its functions is on the stack
  size_t open_ = 0;
  // Given up one by one when descriptors have run out: operators still get in.
  std::array<UniqueFd, 4> spares_;
};

}  // namespace halfdoor
