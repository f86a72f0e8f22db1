// Mailbox: how workers and helper threads reach the control thread: a locked list of calls and an eventfd in its loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

struct event;
struct event_base;

namespace halfdoor {

// Lives on the control thread; must outlive every thread that posts. Calls still waiting when it dies are dropped.
class Mailbox {
 public:
  explicit Mailbox(struct event_base* base);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread; never waits for the control thread. Calls run in the order in which they were posted.
  void post(std::function<void()> call);
  // Runs what is waiting now; the loop does it by itself.
  void deliver();

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  UniqueFd wake_;
  struct event* event_ = nullptr;
};

}  // namespace halfdoor
