#include "control/mailbox.h"

#include <event2/event.h>
#include <sys/eventfd.h>

#include <cstdint>

#include "base/check.h"

namespace halfdoor {

namespace {

void on_wake(evutil_socket_t, short, void* mailbox) { static_cast<Mailbox*>(mailbox)->deliver(); }

}  // namespace

Mailbox::Mailbox(struct event_base* base) : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  HALFDOOR_CHECK(wake_);
  event_ = event_new(base, wake_.get(), EV_READ | EV_PERSIST, on_wake, this);
  HALFDOOR_CHECK(event_ != nullptr && event_add(event_, nullptr) == 0);
}

Mailbox::~Mailbox() { event_free(event_); }

void Mailbox::post(std::function<void()> call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  waiting_.push_back(std::move(call));
  const uint64_t one = 1;
  // A counter that is full wakes the reader all the same.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void Mailbox::deliver() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    calls.swap(waiting_);
  }
  for (const std::function<void()>& call : calls) call();
}

}  // namespace halfdoor
