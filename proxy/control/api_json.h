// The JSON of the control API (design 1.5). Pure: plain data in, JSON out.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "control/mode_request.h"
#include "control/switch_coordinator.h"
#include "failover/uncertain_list.h"
#include "worker/worker.h"

namespace halfdoor {

class AccessWriter;
class HealthChecks;
class ServerNames;

// What status and metrics are made from. All of it outlives whoever holds this.
struct ControlView {
  SwitchCoordinator* coordinator = nullptr;
  const Config* config = nullptr;
  std::vector<const WorkerCounters*> counters;  // by worker
  const UncertainList* uncertain = nullptr;
  const std::vector<std::string>* listeners = nullptr;  // where it really listens: "127.0.0.1:43123"
  const std::vector<std::string>* warnings = nullptr;   // loud ones, of the start
  SteadyTime started{};
  const AccessWriter* access_log = nullptr;  // null: off
  const ServerNames* names = nullptr;        // null: nothing is known of where servers are reached
  const HealthChecks* checks = nullptr;      // null: nothing is known
};

nlohmann::json status_json(const ControlView& view, SteadyTime now);
nlohmann::json service_json(const ControlView& view, size_t service);
// One server: what the event "health" tells.
nlohmann::json server_health_json(const ControlView& view, ServerId server);
// The body of a 200 or 202.
nlohmann::json answer_json(const ServiceConfig& service, const ChangeAnswer& answer);
// The body of a 409 or 412.
nlohmann::json refusal_json(const ServiceConfig& service, const ChangeAnswer& answer);
nlohmann::json exchange_json(const ExchangeInfo& exchange);
// Texts that are not UTF-8 are made so.
std::string to_text(const nlohmann::json& value);

}  // namespace halfdoor
