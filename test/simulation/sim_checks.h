// SimulatedChecks: the health checks of one process: what decides is real, the hosts answer as their trouble lets them.
#pragma once

#include <functional>

#include "config/server_addresses.h"
#include "control/health_checks.h"
#include "upstream/health_board.h"

namespace halfdoor {

struct SimulationContext;

class SimulatedChecks final : private HealthEnvironment, private HealthProber {
 public:
  struct Links {
    std::function<void(std::function<void()>)> post;  // to the control thread, as long as the process lives
    std::function<void(size_t service)> on_side_health;
  };

  SimulatedChecks(SimulationContext& context, Links links);

  HealthBoard& board() { return board_; }
  SideHealth side(size_t service, Side side) const { return checks_.side(service, side); }
  void suspect(ServerId server) { checks_.suspect(server); }
  std::optional<SteadyTime> next_deadline() const { return checks_.next_deadline(); }
  void on_time() { checks_.on_time(); }

 private:
  // HealthEnvironment
  SteadyTime now() override;
  WallTime wall_now() override;
  const AddressList& server_addresses(ServerId server) override;
  void on_server_health(ServerId server) override;
  void on_side_health(size_t service) override;

  // HealthProber
  void begin(const ProbeTarget& target, std::function<void(const ProbeResult&)> done) override;

  SimulationContext& context_;
  const Links links_;
  const ServerAddresses addresses_;
  HealthBoard board_;
  HealthChecks checks_;
};

}  // namespace halfdoor
