// HealthChecks: checks every server of both sides, all the time, and knows the health of each server and side.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "config/config.h"
#include "config/server_addresses.h"
#include "control/health_prober.h"
#include "failover/health_tracker.h"
#include "failover/side_health.h"
#include "upstream/health_board.h"

namespace halfdoor {

// How many checks may be in flight at one time; what is due beyond that waits its turn. Each holds a descriptor.
inline constexpr size_t kMostChecksInFlight = 256;

// What is known of one server, for status, metrics and events.
struct ServerChecks {
  Health health = Health::unknown;
  WallTime since{};  // since when `health` has had this value
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t repeated = 0;  // did not count
  // Of the latest check that counted; before the first: null.
  struct Latest {
    bool passed = false;
    WallTime ended{};
    Milliseconds took{0};
    std::string text;  // as ProbeResult has it
  };
  std::optional<Latest> latest;
};

// Everything outside. Control thread; outlives the checks.
class HealthEnvironment {
 public:
  virtual ~HealthEnvironment() = default;
  virtual SteadyTime now() = 0;
  virtual WallTime wall_now() = 0;
  // Where this server is reached now; asked for every check. Lives until the next call from outside.
  virtual const AddressList& server_addresses(ServerId server) = 0;
  // A check of this server failed, where it counts: its address may be another one by now.
  virtual void on_check_failed(ServerId) {}
  // A server is healthy, or not any more.
  virtual void on_server_health(ServerId server) = 0;
  // SideHealth::healthy of a side of this service has another value.
  virtual void on_side_health(size_t service) = 0;
};

// Control thread. No sockets, threads or clocks of its own. Nothing of a server's health comes from live traffic, which
// only brings the next check forward.
class HealthChecks {
 public:
  // All of it outlives the checks, and the prober calls nobody after the end of them. The first check of every server
  // is due at once.
  HealthChecks(HealthEnvironment& environment, HealthProber& prober, const Config& config, HealthBoard& board);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  // The caller's timer: on_time() has to be called then, or later. It begins no more than a few checks per call, so
  // that whoever shares the thread gets its turn.
  std::optional<SteadyTime> next_deadline() const;
  void on_time();

  // Live traffic met an error or silence.
  void suspect(ServerId server);

  const ServerChecks& server(ServerId id) const { return at(id).known; }
  const SideHealth& side(size_t service, Side side) const { return services_[service].sides[index_of(side)].health; }
  size_t in_flight() const { return in_flight_; }
  // Due, but not begun yet.
  size_t waiting() const;

 private:
  struct Server {
    ServerId id;
    size_t number;  // over all servers
    HealthTracker tracker;
    ServerChecks known;
    uint32_t repeats = 0;     // in a row
    size_t address_turn = 0;  // of its addresses: the next one after each failed check
    // Of the log.
    SteadyTime line_at{};
    uint32_t lines = 0;
    uint32_t unwritten = 0;
  };
  struct CheckedSide {
    std::vector<Server> servers;
    SideHealth health;
  };
  struct CheckedService {
    const ServiceConfig* config;
    std::string host;  // for the Host field; empty: the server's own
    std::array<CheckedSide, 2> sides;
  };

  const Server& at(ServerId id) const { return services_[id.service].sides[index_of(id.side)].servers[id.server]; }
  Server& at(ServerId id) { return services_[id.service].sides[index_of(id.side)].servers[id.server]; }
  const ServerConfig& config_of(ServerId id) const;
  void wait_for(Server& server);
  void begin(Server& server, SteadyTime now);
  void end(Server& server, SteadyTime begun, const ProbeResult& result);
  bool says_nothing(const Server& server, const ProbeResult& result, SteadyTime now) const;
  void judge_side(const Server& checked, bool changed, SteadyTime now);
  void write_line(Server& server, SteadyTime now);

  HealthEnvironment& environment_;
  HealthProber& prober_;
  HealthBoard& board_;
  SteadyTime started_;
  std::vector<CheckedService> services_;
  std::set<std::tuple<SteadyTime, size_t, Server*>> due_;  // every server of which no check is in flight
  size_t in_flight_ = 0;
};

}  // namespace halfdoor
