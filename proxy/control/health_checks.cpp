#include "control/health_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"

namespace halfdoor {

namespace {

// To begin one costs some system calls; whoever shares the thread waits for so many at most.
constexpr size_t kMostBegunAtOnce = 16;
// A process that never gets to its checks in time has to believe them in the end.
constexpr uint32_t kMostRepeats = 3;
// Names are looked up from the start on; for so long a server without address is not held to be down.
constexpr Milliseconds kPatienceForNames{5'000};
constexpr Milliseconds kLogWindow{60'000};
constexpr uint32_t kMostLinesInWindow = 6;

int64_t board_ms(SteadyTime time) { return std::chrono::duration_cast<Milliseconds>(time.time_since_epoch()).count(); }

// However many there are: evenly over [0, 1).
double spread_of(size_t number) {
  constexpr double kGoldenRatio = 0.6180339887498949;
  return std::fmod(static_cast<double>(number) * kGoldenRatio, 1.0);
}

std::string named_host(const ServiceConfig& service) {
  const auto named = std::find_if(service.hosts.begin(), service.hosts.end(),
                                  [](const std::string& host) { return host.find('*') == std::string::npos; });
  return named != service.hosts.end() ? *named : "";
}

}  // namespace

HealthChecks::HealthChecks(HealthEnvironment& environment, HealthProber& prober, const Config& config,
                           HealthBoard& board)
    : environment_(environment), prober_(prober), board_(board), started_(environment.now()) {
  services_.reserve(config.services.size());
  size_t number = 0;
  for (const ServiceConfig& service : config.services) {
    CheckedService& checked = services_.emplace_back(CheckedService{&service, named_host(service), {}});
    for (const Side side : kSides) {
      CheckedSide& checked_side = checked.sides[index_of(side)];
      checked_side.health.since = started_;
      const size_t servers = service.side(side).servers.size();
      checked_side.servers.reserve(servers);
      for (size_t i = 0; i < servers; ++i) {
        const ServerId id{static_cast<uint16_t>(services_.size() - 1), side, static_cast<uint16_t>(i)};
        checked_side.servers.push_back({id, number, HealthTracker(service.health, started_, spread_of(number)), {}});
        ++number;
        checked_side.servers.back().known.since = environment.wall_now();
        wait_for(checked_side.servers.back());
      }
    }
  }
}

const ServerConfig& HealthChecks::config_of(ServerId id) const {
  return services_[id.service].config->side(id.side).servers[id.server];
}

void HealthChecks::wait_for(Server& server) { due_.emplace(server.tracker.due(), server.number, &server); }

std::optional<SteadyTime> HealthChecks::next_deadline() const {
  if (due_.empty() || in_flight_ >= kMostChecksInFlight) return std::nullopt;
  return std::get<SteadyTime>(*due_.begin());
}

void HealthChecks::on_time() {
  const SteadyTime now = environment_.now();
  for (size_t begun = 0; begun < kMostBegunAtOnce; ++begun) {
    if (due_.empty() || in_flight_ >= kMostChecksInFlight || std::get<SteadyTime>(*due_.begin()) > now) return;
    Server& server = *std::get<Server*>(*due_.begin());
    due_.erase(due_.begin());
    begin(server, now);
  }
}

size_t HealthChecks::waiting() const {
  const SteadyTime now = environment_.now();
  const auto due =
      std::find_if(due_.begin(), due_.end(), [now](const auto& entry) { return std::get<SteadyTime>(entry) > now; });
  return static_cast<size_t>(std::distance(due_.begin(), due));
}

void HealthChecks::suspect(ServerId id) {
  Server& server = at(id);
  due_.erase({server.tracker.due(), server.number, &server});
  server.tracker.suspect(environment_.now());
  if (!server.tracker.is_checking()) wait_for(server);
}

void HealthChecks::begin(Server& server, SteadyTime now) {
  server.tracker.begin(now);
  board_.at(server.id).begin_check();
  ++in_flight_;
  const CheckedService& service = services_[server.id.service];
  ProbeTarget target;
  // A server is what answers at any of its addresses: clients are served by those that do.
  const AddressList& addresses = environment_.server_addresses(server.id);
  if (!addresses.empty()) target.address = addresses[server.address_turn % addresses.size()];
  target.rules = &service.config->health;
  if (target.address && !target.address->is_unix() && target.rules->port != 0) {
    target.address->set_port(target.rules->port);
  }
  const bool is_path = target.address && target.address->is_unix();
  target.host = !service.host.empty() ? service.host : is_path ? "localhost" : config_of(server.id).name;
  prober_.begin(target, [this, &server, now](const ProbeResult& result) { end(server, now, result); });
}

bool HealthChecks::says_nothing(const Server& server, const ProbeResult& result, SteadyTime now) const {
  switch (result.verdict) {
    case ProbeResult::Verdict::not_made: return true;
    case ProbeResult::Verdict::slept: return server.repeats < kMostRepeats;
    case ProbeResult::Verdict::no_address:
      return server.known.health == Health::unknown && now < started_ + kPatienceForNames;
    case ProbeResult::Verdict::passed:
    case ProbeResult::Verdict::failed: break;
  }
  return false;
}

void HealthChecks::end(Server& server, SteadyTime begun, const ProbeResult& result) {
  --in_flight_;
  const SteadyTime now = environment_.now();
  if (says_nothing(server, result, now)) {
    ++server.known.repeated;
    ++server.repeats;
    server.tracker.repeat(now);
    return wait_for(server);
  }
  server.repeats = 0;
  const bool passed = result.verdict == ProbeResult::Verdict::passed;
  ++(passed ? server.known.passed : server.known.failed);
  if (!passed) {
    ++server.address_turn;
    environment_.on_check_failed(server.id);
  }
  server.known.latest = {passed, environment_.wall_now(), std::chrono::duration_cast<Milliseconds>(now - begun),
                         result.text};
  const bool changed = server.tracker.end(passed, now);
  board_.at(server.id).end_check(passed, board_ms(now));
  wait_for(server);
  if (changed) {
    write_line(server, now);
    server.known.health = server.tracker.health();
    server.known.since = environment_.wall_now();
    board_.at(server.id).set(server.known.health, board_ms(now));
  }
  judge_side(server, changed, now);
}

void HealthChecks::judge_side(const Server& checked, bool changed, SteadyTime now) {
  CheckedSide& side = services_[checked.id.service].sides[index_of(checked.id.side)];
  const std::optional<bool> before = side.health.healthy;
  if (changed) {
    const auto all_are = [&side](Health health) {
      return std::all_of(side.servers.begin(), side.servers.end(),
                         [health](const Server& server) { return server.known.health == health; });
    };
    const bool any_is_healthy = std::any_of(side.servers.begin(), side.servers.end(), [](const Server& server) {
      return server.known.health == Health::healthy;
    });
    side.health.healthy.reset();
    if (any_is_healthy) side.health.healthy = true;
    if (all_are(Health::unhealthy)) side.health.healthy = false;
  }
  if (side.health.healthy == true) {
    side.health.detail.clear();
  } else if (!checked.known.latest->passed) {
    side.health.detail = fmt::format("{}: {}", config_of(checked.id).name, checked.known.latest->text);
  }
  if (side.health.healthy != before) side.health.since = now;
  if (changed) environment_.on_server_health(checked.id);
  if (side.health.healthy != before) environment_.on_side_health(checked.id.service);
}

// Flapping is told, but does not fill the log.
void HealthChecks::write_line(Server& server, SteadyTime now) {
  const std::string name = fmt::format("{}: server {} of the {}", services_[server.id.service].config->name,
                                       config_of(server.id).name, to_text(server.id.side));
  if (server.lines == 0 || now >= server.line_at + kLogWindow) {
    if (server.unwritten > 0) log_warning("{} went down or up {} times more", name, server.unwritten);
    server.line_at = now;
    server.lines = 0;
    server.unwritten = 0;
  }
  if (++server.lines > kMostLinesInWindow) {
    if (server.unwritten++ == 0) log_warning("{} keeps going down and up: no more of it is logged for a minute", name);
    return;
  }
  if (server.tracker.health() == Health::unhealthy) {
    log_warning("{} is down: {}", name, server.known.latest->text);
  } else if (server.known.health == Health::unhealthy) {
    log_info("{} is up again", name);
  } else {
    log_debug("{} is up", name);
  }
}

}  // namespace halfdoor
