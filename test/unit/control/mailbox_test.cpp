#include "control/mailbox.h"

#include <event2/event.h>

#include <catch2/catch.hpp>
#include <thread>

namespace halfdoor {

TEST_CASE("calls_of_many_threads_all_arrive_each_thread_s_in_order") {
  const std::unique_ptr<event_base, void (*)(event_base*)> base(event_base_new(), event_base_free);
  Mailbox mailbox(base.get());
  std::vector<std::vector<int>> seen(4);
  std::vector<std::thread> threads;
  int arrived = 0;
  for (size_t i = 0; i < seen.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 500; ++k) {
        mailbox.post([&, i, k] {
          seen[i].push_back(k);
          ++arrived;
        });
      }
    });
  }
  while (arrived < 2000) event_base_loop(base.get(), EVLOOP_ONCE);
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& order : seen) CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a_call_may_post_another_one") {
  const std::unique_ptr<event_base, void (*)(event_base*)> base(event_base_new(), event_base_free);
  Mailbox mailbox(base.get());
  bool second = false;
  mailbox.post([&] { mailbox.post([&] { second = true; }); });
  while (!second) event_base_loop(base.get(), EVLOOP_ONCE);
  CHECK(second);
}

}  // namespace halfdoor
