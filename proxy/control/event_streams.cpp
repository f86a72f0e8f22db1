#include "control/event_streams.h"

#include <event2/event.h>

#include <algorithm>

#include "base/check.h"

namespace halfdoor {

namespace {

// Whoever watches sees that the daemon is there; whoever does not read is found out.
constexpr timeval kHeartbeatEvery{5, 0};

void on_heartbeat(evutil_socket_t, short, void* streams) {
  static_cast<EventStreams*>(streams)->send(": heartbeat\n\n");
}

}  // namespace

std::string make_event(const std::string& name, const std::string& data) {
  std::string line = data;
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return "event: " + name + "\ndata: " + line + "\n\n";
}

EventStreams::EventStreams(struct event_base* base) : heartbeat_(event_new(base, -1, EV_PERSIST, on_heartbeat, this)) {
  HALFDOOR_CHECK(heartbeat_ != nullptr && event_add(heartbeat_, &kHeartbeatEvery) == 0);
}

EventStreams::~EventStreams() { event_free(heartbeat_); }

bool EventStreams::add(std::shared_ptr<HttpCall> call, const std::string& first) {
  if (watchers_.size() >= kMostEventStreams) return false;
  if (call->start_stream() && call->send_event(first)) watchers_.push_back(std::move(call));
  return true;
}

void EventStreams::send(const std::string& event) {
  std::erase_if(watchers_, [&event](const std::shared_ptr<HttpCall>& watcher) { return !watcher->send_event(event); });
}

void EventStreams::close_all() {
  for (const auto& watcher : watchers_) watcher->end_stream();
  watchers_.clear();
}

}  // namespace halfdoor
