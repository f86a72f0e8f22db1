#include "control/exchange_collector.h"

#include <event2/event.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"

namespace halfdoor {

namespace {

constexpr timeval kPatience{1, 0};

// Keeps itself alive until it is done; answers of workers that come later find it so.
struct Collection {
  std::function<void(const CollectedExchanges&)> done;
  std::vector<std::optional<std::vector<ExchangeInfo>>> answers;
  struct event* timer = nullptr;
  std::shared_ptr<Collection> self;

  ~Collection() {
    if (timer != nullptr) event_free(timer);
  }

  void finish_if(bool is_over) {
    const bool complete =
        std::all_of(answers.begin(), answers.end(), [](const auto& answer) { return answer.has_value(); });
    if (!done || (!complete && !is_over)) return;
    const std::shared_ptr<Collection> keep = std::move(self);
    event_del(timer);
    CollectedExchanges collected;
    for (size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i]) {
        collected.silent_workers.push_back(static_cast<int>(i));
        continue;
      }
      for (ExchangeInfo& exchange : *answers[i]) {
        if (collected.exchanges.size() < kMostExchangesShown) collected.exchanges.push_back(std::move(exchange));
      }
    }
    std::exchange(done, nullptr)(collected);
  }
};

void on_patience_over(evutil_socket_t, short, void* collection) {
  static_cast<Collection*>(collection)->finish_if(true);
}

}  // namespace

void collect_exchanges(struct event_base* base, const std::vector<Worker*>& workers,
                       const std::function<void(std::function<void()>)>& post,
                       std::function<void(const CollectedExchanges&)> done) {
  auto collection = std::make_shared<Collection>();
  collection->done = std::move(done);
  collection->answers.resize(workers.size());
  collection->self = collection;
  collection->timer = evtimer_new(base, on_patience_over, collection.get());
  HALFDOOR_CHECK(collection->timer != nullptr && evtimer_add(collection->timer, &kPatience) == 0);
  for (size_t i = 0; i < workers.size(); ++i) {
    workers[i]->list_exchanges([post, collection, i](std::vector<ExchangeInfo> exchanges) {
      post([collection, i, exchanges = std::move(exchanges)]() mutable {
        collection->answers[i] = std::move(exchanges);
        collection->finish_if(false);
      });
    });
  }
  collection->finish_if(false);
}

}  // namespace halfdoor
