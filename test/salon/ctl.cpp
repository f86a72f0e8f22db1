// Sending a verb to a host and waiting for its answer.
#include "ctl.h"

#include <event2/event.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "fetch.h"
#include "timer.h"

namespace salon {

namespace {

constexpr std::int64_t timeout_ms = 5000;
constexpr std::int64_t pause_ms = 100;
constexpr int exit_refused = 2;
constexpr int exit_unreachable = 69;

FetchResult fetch_once(event_base* base, const CtlOptions& options) {
  FetchRequest request;
  request.method = options.verb == "status" || options.verb == "caught-up" ? "GET" : "POST";
  request.target = "/replication/" + options.verb + (options.is_forced ? "?force=1" : "");
  request.headers = {{"Authorization", "Bearer " + options.secret}};
  request.timeout_ms = timeout_ms;
  FetchResult result;
  const Fetch fetch(base, options.host, request, [&](FetchResult fetched) {
    result = std::move(fetched);
    event_base_loopbreak(base);
  });
  event_base_dispatch(base);
  return result;
}

void wait_ms(event_base* base, std::int64_t milliseconds) {
  Timer timer(base, [base] { event_base_loopbreak(base); });
  timer.start(milliseconds);
  event_base_dispatch(base);
}

}  // namespace

int run_ctl(const CtlOptions& options) {
  const std::unique_ptr<event_base, void (*)(event_base*)> base(event_base_new(), event_base_free);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_s);
  FetchResult result = fetch_once(base.get(), options);
  while (options.verb == "caught-up" && result.status != 200 && std::chrono::steady_clock::now() < deadline) {
    wait_ms(base.get(), pause_ms);
    result = fetch_once(base.get(), options);
  }
  if (result.status == 0) {
    fmt::print(stderr, "salon ctl: {}: {}\n", options.host.url(), result.error);
    return exit_unreachable;
  }
  fmt::print("{}", result.body);
  return result.status == 200 ? 0 : exit_refused;
}

}  // namespace salon
