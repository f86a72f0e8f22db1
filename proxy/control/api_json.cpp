#include "control/api_json.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "control/health_checks.h"
#include "control/server_names.h"
#include "control/version.h"

namespace halfdoor {

namespace {

using nlohmann::json;

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }
json time_or_null(const std::optional<WallTime>& time) { return time ? json(format_rfc3339_ms(*time)) : json(nullptr); }

std::string active_side(Mode mode) {
  const std::optional<Side> side = serving_side(mode);
  return side ? std::string(to_text(*side)) : "none";
}

// Where the server is reached, and how that is known.
void add_addresses(const ServerNames& names, ServerId id, json& server) {
  json resolved = json::array();
  for (const Address& address : names.addresses()->of(id.service, id.side, id.server)) {
    resolved.push_back(address.text());
  }
  const WatchedName* const name = names.name_of(id);
  server["resolved"] = std::move(resolved);
  server["resolved_at"] = time_or_null(name != nullptr ? name->resolved_at() : std::nullopt);
  server["resolve_error"] = text_or_null(names.trouble_of(id));
}

json side_health_json(const ControlView& view, size_t service, Side side) {
  if (view.checks == nullptr) return nullptr;
  const std::optional<bool>& healthy = view.checks->side(service, side).healthy;
  return healthy ? json(*healthy) : json(nullptr);
}

json health_json(Health health) { return health == Health::unknown ? json(nullptr) : json(health == Health::healthy); }

// What the checks say of a server, for whatever shows it.
void add_health(json& server, const ServerChecks& checks) {
  server["healthy"] = health_json(checks.health);
  server["healthy_since"] = format_rfc3339_ms(checks.since);
  server["last_check"] = nullptr;
  server["last_check_at"] = nullptr;
  server["last_check_ms"] = nullptr;
  if (!checks.latest) return;
  server["last_check"] = checks.latest->text;
  server["last_check_at"] = format_rfc3339_ms(checks.latest->ended);
  server["last_check_ms"] = checks.latest->took.count();
}

json side_json(const ControlView& view, size_t service, Side side) {
  json servers = json::array();
  const auto& configured = view.config->services[service].side(side).servers;
  for (size_t i = 0; i < configured.size(); ++i) {
    uint64_t in_flight = 0, pooled = 0, failures = 0;
    for (const WorkerCounters* worker : view.counters) {
      const ServerCounters& counted = worker->services[service]->servers[index_of(side)][i];
      in_flight += counted.in_flight.get();
      pooled += counted.pooled.get();
      failures += counted.failures.get();
    }
    json server{{"address", configured[i].name}, {"failures", failures}, {"in_flight", in_flight}, {"pooled", pooled}};
    const ServerId id{static_cast<uint16_t>(service), side, static_cast<uint16_t>(i)};
    add_health(server, view.checks != nullptr ? view.checks->server(id) : ServerChecks{});
    if (view.names != nullptr) add_addresses(*view.names, id, server);
    servers.push_back(std::move(server));
  }
  return {{"servers", std::move(servers)}, {"healthy", side_health_json(view, service, side)}};
}

// The side that a change left, or whose writes it ended; null: none.
std::optional<Side> side_left(const ChangeAnswer& answer) {
  const std::optional<Side> before = serving_side(answer.from), after = serving_side(answer.record.to);
  if (!before || answer.from == answer.record.to) return std::nullopt;
  const bool writes_ended = writes_pass(answer.from) && !(before == after && writes_pass(answer.record.to));
  return before != after || writes_ended ? before : std::nullopt;
}

json remarks_json(const ChangeAnswer& answer) {
  json remarks = json::array();
  for (const GuardResult& result : answer.remarks) {
    remarks.push_back(result.overridden ? fmt::format("overridden: {}: {}", to_text(result.rule), result.message)
                                        : fmt::format("{}: {}", to_text(result.rule), result.note));
  }
  return remarks;
}

json reminders_json(const ServiceSwitch& state) {
  json reminders = json::array();
  for (const Forgotten& forgotten : state.forgotten_now()) {
    reminders.push_back({{"why", to_text(forgotten.why)}, {"message", forgotten.text}});
  }
  return reminders;
}

}  // namespace

std::string to_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

json service_json(const ControlView& view, size_t service) {
  const ServiceSwitch& state = view.coordinator->service(service);
  const LatchRecord& record = state.record();
  const ServiceConfig& config = view.config->services[service];
  return {{"name", config.name},
          {"mode", to_text(record.to)},
          {"epoch", record.epoch},
          {"since", format_rfc3339_ms(record.time)},
          {"side_since", format_rfc3339_ms(record.side_since)},
          {"reason", text_or_null(record.reason)},
          {"actor", text_or_null(record.actor)},
          {"until", time_or_null(record.until)},
          {"diverged", record.diverged},
          {"acknowledged", record.acknowledged},
          {"fenced", state.fenced()},
          {"active", active_side(record.to)},
          {"not_persisted", !state.persisted()},
          {"not_safe", state.not_safe()},
          {"reminders", reminders_json(state)},
          {"automatic_failover", config.failover.automatic},
          {"automatic_failback", config.failback.automatic},
          {"uncertain", view.uncertain != nullptr ? view.uncertain->count(config.name) : 0},
          {"drain_ms", config.failover.drain.count()},
          {"hosts", config.hosts},
          {"primary", side_json(view, service, Side::primary)},
          {"backup", side_json(view, service, Side::backup)}};
}

json server_health_json(const ControlView& view, ServerId id) {
  const ServiceConfig& service = view.config->services[id.service];
  json server{{"service", service.name},
              {"what", "health"},
              {"side", to_text(id.side)},
              {"address", service.side(id.side).servers[id.server].name},
              {"side_healthy", side_health_json(view, id.service, id.side)}};
  add_health(server, view.checks->server(id));
  return server;
}

namespace {

// Those of the start, and what is so now.
json warnings_json(const ControlView& view) {
  json warnings = view.warnings != nullptr ? json(*view.warnings) : json::array();
  if (view.names != nullptr) {
    for (const std::string& line : view.names->warnings()) warnings.push_back(line);
  }
  return warnings;
}

}  // namespace

json status_json(const ControlView& view, SteadyTime now) {
  json services = json::array();
  for (size_t i = 0; i < view.config->services.size(); ++i) services.push_back(service_json(view, i));
  json listeners = json::array();
  if (view.listeners != nullptr) {
    for (const std::string& address : *view.listeners) listeners.push_back({{"address", address}});
  }
  return {{"version", kVersion},
          {"pid", ::getpid()},
          {"uptime_s", std::chrono::duration_cast<std::chrono::seconds>(now - view.started).count()},
          {"generation", view.coordinator->snapshot()->generation},
          {"workers", view.coordinator->workers()},
          {"listeners", std::move(listeners)},
          {"warnings", warnings_json(view)},
          {"services", std::move(services)}};
}

json answer_json(const ServiceConfig& service, const ChangeAnswer& answer) {
  const LatchRecord& record = answer.record;
  json body{{"service", service.name},
            {"from", to_text(answer.from)},
            {"to", to_text(answer.to)},
            {"mode", to_text(record.to)},
            {"epoch", record.epoch},
            {"since", format_rfc3339_ms(record.time)},
            {"reason", text_or_null(record.reason)},
            {"actor", text_or_null(record.actor)},
            {"until", time_or_null(record.until)},
            {"diverged", record.diverged},
            {"acknowledged", record.acknowledged},
            {"dry_run", answer.dry_run},
            {"remarks", remarks_json(answer)}};
  if (answer.dry_run) return body;
  const std::optional<Side> left = side_left(answer);
  body["workers"] = answer.workers;
  body["applied_workers"] = answer.applied_workers;
  body["applied"] = answer.applied;
  body["applied_ms"] = answer.applied ? json(answer.applied_ms) : json(nullptr);
  body["fenced"] = answer.fenced && answer.applied;
  body["fenced_ms"] = answer.fenced && answer.applied ? json(answer.fenced_ms) : json(nullptr);
  body["left"] = left ? json(to_text(*left)) : json(nullptr);
  body["side_left"] = left && left != serving_side(record.to);
  body["writes_in_flight"] = answer.writes_in_flight;
  body["writes_finished"] = answer.writes_finished;
  body["writes_uncertain"] = answer.writes_uncertain;
  body["persisted"] = answer.persisted;
  body["not_persisted"] = !answer.persisted;
  body["not_safe"] = answer.not_safe;
  body["superseded_by"] = answer.superseded_by ? json(*answer.superseded_by) : json(nullptr);
  body["generation"] = answer.generation != 0 ? json(answer.generation) : json(nullptr);
  body["drain_ms"] = service.failover.drain.count();
  return body;
}

json refusal_json(const ServiceConfig& service, const ChangeAnswer& answer) {
  const bool stale = answer.kind == ChangeAnswer::Kind::stale_epoch;
  json rules = json::array();
  for (const GuardResult& refusal : answer.refusals) {
    rules.push_back({{"rule", to_text(refusal.rule)}, {"message", refusal.message}});
  }
  const std::string detail = stale ? fmt::format("the epoch is {} by now, mode {}; nothing was changed",
                                                 answer.record.epoch, to_text(answer.record.to))
                                   : answer.refusals.front().message;
  if (stale) rules.push_back({{"rule", "expect-epoch"}, {"message", detail}});
  return {{"type", "about:blank"},         {"title", stale ? "the epoch is another one" : "refused"},
          {"status", stale ? 412 : 409},   {"detail", detail},
          {"rule", rules.front()["rule"]}, {"rules", rules},
          {"service", service.name},       {"from", to_text(answer.from)},
          {"to", to_text(answer.to)},      {"mode", to_text(answer.record.to)},
          {"epoch", answer.record.epoch},  {"dry_run", answer.dry_run}};
}

json exchange_json(const ExchangeInfo& exchange) {
  return {{"request_id", exchange.request_id},
          {"service", exchange.service},
          {"epoch", exchange.epoch},
          {"side", exchange.side},
          {"server", text_or_null(exchange.server)},
          {"method", exchange.method},
          {"path", exchange.path},
          {"client", exchange.client},
          {"state", exchange.state},
          {"age_ms", exchange.age_ms},
          {"bytes_in", exchange.bytes_in},
          {"bytes_out", exchange.bytes_out}};
}

}  // namespace halfdoor
