// ControlApi: the routes of the control socket and of [admin] (design 1.5).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/api_json.h"
#include "control/event_streams.h"
#include "control/http_server.h"
#include "failover/journal.h"

struct event_base;

namespace halfdoor {

struct ControlApiOptions {
  ControlView view;
  std::vector<Worker*> workers;      // asked for their exchanges
  const Journal* journal = nullptr;  // outlives the API
  // Runs a call on the control thread; from any thread.
  std::function<void(std::function<void()>)> post;
  std::string admin_token;  // empty: no changes over TCP
};

// Answers that wait for something (changes, lists of exchanges) at one time. Further changes are answered when they are
// applied, further lists with 503.
inline constexpr size_t kMostDeferred = 64;

// Control thread. Everything that it refers to outlives it.
class ControlApi {
 public:
  ControlApi(struct event_base* base, ControlApiOptions options);
  ~ControlApi();
  ControlApi(const ControlApi&) = delete;
  ControlApi& operator=(const ControlApi&) = delete;

  // A listening socket, non-blocking; the Unix socket stays the caller's, that of TCP is taken over.
  Status serve_unix(int fd);
  Status serve_tcp(UniqueFd fd);

  // Tells those who watch GET /v1/events. `what` as in SwitchEnvironment::announce.
  void announce(size_t service, std::string_view what);
  // The health of a server is another one.
  void announce_health(ServerId server);
  // No more answers.
  void close();

 private:
  void answer(const std::shared_ptr<HttpCall>& call);
  bool is_welcome(HttpCall& call) const;
  void answer_service(const std::shared_ptr<HttpCall>& call, std::string_view name, std::string_view what);
  void change_mode(const std::shared_ptr<HttpCall>& call, size_t service);
  void send_history(HttpCall& call, size_t service);
  void send_uncertain(HttpCall& call, size_t service);
  void send_notice(HttpCall& call, size_t service);
  void send_exchanges(const std::shared_ptr<HttpCall>& call);
  void start_events(const std::shared_ptr<HttpCall>& call);
  std::string event_of(size_t service, std::string_view what) const;
  // Null, and answered with 503, if too many wait already. The slot lasts as long as what is returned.
  std::shared_ptr<void> take_deferred_slot(HttpCall& call);

  struct event_base* base_;
  ControlApiOptions options_;
  HttpServer server_;
  EventStreams streams_;
  std::shared_ptr<size_t> deferred_ = std::make_shared<size_t>(0);
};

}  // namespace halfdoor
