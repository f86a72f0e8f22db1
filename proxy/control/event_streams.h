// EventStreams: those who watch GET /v1/events (server-sent events).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/http_call.h"

struct event;
struct event_base;

namespace halfdoor {

inline constexpr size_t kMostEventStreams = 32;

// Control thread. A watcher that has left, or does not read, is dropped at the next event or heartbeat.
class EventStreams {
 public:
  explicit EventStreams(struct event_base* base);
  ~EventStreams();
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  // `first`: events as make_event() writes them, sent at once. False: too many watch already; nothing was answered.
  bool add(std::shared_ptr<HttpCall> call, const std::string& first);
  // To everybody.
  void send(const std::string& event);
  void close_all();
  size_t size() const { return watchers_.size(); }

 private:
  std::vector<std::shared_ptr<HttpCall>> watchers_;
  struct event* heartbeat_ = nullptr;
};

// `data`: one line.
std::string make_event(const std::string& name, const std::string& data);

}  // namespace halfdoor
