#include "exchange/server_watch.h"

#include <algorithm>

#include "exchange/server_choice.h"

namespace halfdoor {

namespace {

// While a server is silent, or quiet with its latest check still in time.
constexpr int64_t kLookAgainMs = 100;
// Later than this a look tells of this process more than of the server: it was stopped, or the machine suspended.
constexpr int64_t kOversleptMs = 500;

}  // namespace

uint32_t ServerWatch::weight() const {
  const int64_t recovered_ms = health_.recovered_ms();
  if (recovered_ms == ServerHealth::kNever) return ServerChoice::kFullWeight;
  return slow_start_weight(wheel_.now_ms() - recovered_ms, terms_.slow_start_ms);
}

void ServerWatch::on_deadline(Deadline&) {
  if (owing_ == 0) return;
  const int64_t now_ms = wheel_.now_ms();
  if (now_ms > look_at_ms_ + kOversleptMs) owing_since_ms_ = now_ms;
  const int64_t quiet_ms = now_ms - std::max(owing_since_ms_, health_.silence().quiet_since_ms());
  const int64_t half_ms = terms_.silent_after_ms / 2;
  bool is_silent = health_.is_silent(now_ms);  // another worker may have waited for longer
  if (!is_silent && quiet_ms < half_ms) {
    is_suspected_ = false;
    return look_in(half_ms - quiet_ms);
  }
  // So that there is a verdict of the checks by the time it is asked for.
  if (!std::exchange(is_suspected_, true)) suspect();
  if (!is_silent && quiet_ms < terms_.silent_after_ms) return look_in(terms_.silent_after_ms - quiet_ms);
  look_in(kLookAgainMs);
  bool is_news = false;
  if (!is_silent && health_.is_check_late_or_failed(now_ms)) {
    is_news = health_.silence().note_silence();
    is_silent = true;
  }
  if (is_silent) owner_.on_silent(*this, is_news);
}

ServerWatches::ServerWatches(const Config& config, TimerWheel& wheel, WorkerCounters& counters, HealthBoard& health,
                             ServerWatch::Owner& owner)
    : services_(config.services.size()) {
  const auto service_count = static_cast<uint16_t>(services_.size());
  for (uint16_t service = 0; service < service_count; ++service) {
    const ServiceConfig& of_service = config.services[service];
    const ServerWatch::Terms terms{of_service.failover.read_fallback_after.count(),
                                   of_service.health.slow_start.count()};
    for (const Side side : kSides) {
      const auto count = static_cast<uint16_t>(of_service.side(side).servers.size());
      for (uint16_t server = 0; server < count; ++server) {
        const ServerId id{service, side, server};
        services_[service][index_of(side)].push_back(std::make_unique<ServerWatch>(
            id, terms, wheel, counters.services[service]->servers[index_of(side)][server], health.at(id), owner));
      }
    }
  }
}

}  // namespace halfdoor
