// HealthBoard: what the control thread knows of the health of every server, for the workers to read.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/config.h"
#include "config/health.h"
#include "upstream/server_id.h"
#include "upstream/server_silence.h"

namespace halfdoor {

// Times are CLOCK_MONOTONIC in milliseconds, as TimerWheel::now_ms() of every worker.
class ServerHealth {
 public:
  static constexpr int64_t kNever = -1;

  // Any thread.
  Health health() const { return health_.load(std::memory_order_relaxed); }
  // When it became healthy again after it was unhealthy; kNever: it never was.
  int64_t recovered_ms() const { return recovered_ms_.load(std::memory_order_relaxed); }
  // The latest check failed, or none has been answered for longer than a check may take: a host that answers no
  // request either is silent. Before the first check has ended: false.
  bool is_check_late_or_failed(int64_t now_ms) const {
    const int64_t last = last_passed_ms_.load(std::memory_order_relaxed);
    return last_failed_.load(std::memory_order_relaxed) || (last != kNever && now_ms > last + late_after_ms_);
  }
  // What live traffic knows of it.
  ServerSilence& silence() { return silence_; }
  // It owes answers, no worker has had a byte of it for failover.read_fallback_after, and its checks do not speak
  // against that: re-sendable requests go elsewhere.
  bool is_silent(int64_t now_ms) const { return silence_.is_found() && is_check_late_or_failed(now_ms); }
  // Tried only where nothing better is left.
  bool is_avoided(int64_t now_ms) const { return health() == Health::unhealthy || is_silent(now_ms); }
  // Live traffic met an error or silence. True for the first who says so since the last check began: that one has the
  // control thread bring the next check forward.
  bool suspect() {
    return !is_suspected_.load(std::memory_order_relaxed) && !is_suspected_.exchange(true, std::memory_order_relaxed);
  }

  // The control thread.
  void begin_check() { is_suspected_.store(false, std::memory_order_relaxed); }
  void end_check(bool passed, int64_t now_ms) {
    if (passed) {
      last_passed_ms_.store(now_ms, std::memory_order_relaxed);
      silence_.note_passed_check();
    }
    last_failed_.store(!passed, std::memory_order_relaxed);
  }
  void set(Health health, int64_t now_ms) {
    if (health_.load(std::memory_order_relaxed) == Health::unhealthy && health == Health::healthy) {
      recovered_ms_.store(now_ms, std::memory_order_relaxed);
    }
    health_.store(health, std::memory_order_relaxed);
  }
  // How long after a passed check the next one is late: interval + timeout.
  void set_late_after(int64_t late_after_ms) { late_after_ms_ = late_after_ms; }

 private:
  std::atomic<Health> health_{Health::unknown};
  std::atomic<bool> last_failed_{false};
  std::atomic<bool> is_suspected_{false};
  std::atomic<int64_t> last_passed_ms_{kNever};
  std::atomic<int64_t> recovered_ms_{kNever};
  int64_t late_after_ms_ = 0;  // set before the workers start
  ServerSilence silence_;
};

// Made before the workers and outlives them. The servers are those of the configuration it was made from.
class HealthBoard {
 public:
  explicit HealthBoard(const Config& config) {
    for (const ServiceConfig& service : config.services) {
      auto& sides = services_.emplace_back();
      for (const Side side : kSides) {
        auto& servers = sides[index_of(side)];
        servers = std::vector<ServerHealth>(service.side(side).servers.size());
        for (ServerHealth& server : servers) {
          server.set_late_after((service.health.interval + service.health.timeout).count());
        }
      }
    }
  }

  ServerHealth& at(ServerId id) { return services_[id.service][index_of(id.side)][id.server]; }
  const ServerHealth& at(ServerId id) const { return services_[id.service][index_of(id.side)][id.server]; }

 private:
  std::vector<std::array<std::vector<ServerHealth>, 2>> services_;
};

}  // namespace halfdoor
