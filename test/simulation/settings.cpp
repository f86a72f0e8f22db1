#include "simulation/settings.h"

#include <fmt/format.h>

#include <utility>

#include "simulation/client_request.h"

namespace halfdoor {

namespace {

ServerConfig server(const std::string& name) { return {name, Address::parse(name).value()}; }

Milliseconds ms(int64_t value) { return Milliseconds(value); }

void set_limits(Dice& dice, Limits& limits) {
  limits.buffer = dice.chance(500) ? 4'096 : 32'768;
  limits.writes_in_flight = dice.chance(100) ? 2 : 64;
  limits.refused_body = dice.chance(200) ? 20'000 : 16 << 20;
}

void set_timeouts(Dice& dice, Timeouts& timeouts) {
  timeouts.request_head = ms(dice.between(2'000, 5'000));
  timeouts.request_body = ms(dice.between(3'000, 6'000));
  timeouts.refused_body = ms(4'000);
  timeouts.keep_alive = ms(dice.between(3'000, 8'000));
  timeouts.client_write = ms(dice.between(5'000, 8'000));
  timeouts.connect = ms(dice.between(300, 1'500));
  timeouts.first_byte = ms(dice.between(4'000, 7'000));
  timeouts.response_body = ms(dice.between(4'000, 7'000));
  timeouts.pool_idle = ms(dice.between(500, 4'000));
  timeouts.pool_fresh = ms(dice.between(50, 1'000));
}

void set_health(Dice& dice, bool sides_fail, ServiceConfig& service) {
  service.failover.read_fallback = dice.chance(900);
  service.failover.automatic = dice.chance(sides_fail ? 900 : 500);
  service.failover.after = ms(dice.between(100, sides_fail ? 600 : 2'000));
  service.failover.cooldown = ms(dice.chance(600) ? dice.between(500, 4'000) : 60'000);
  service.failback.automatic = service.failover.automatic && dice.chance(600);
  service.failback.healthy_for = ms(dice.between(100, sides_fail ? 800 : 2'000));
  service.health.interval = ms(dice.between(200, sides_fail ? 400 : 1'000));
  service.health.timeout = ms(dice.between(100, sides_fail ? 200 : 500));
  service.health.fall = static_cast<int>(dice.between(1, 3));
  service.health.rise = static_cast<int>(dice.between(1, 2));
}

ServiceConfig make_service(Dice& dice, const Settings& settings, int i) {
  ServiceConfig service;
  service.name = i == 0 ? "salon" : "shop";
  service.hosts = {service.name + ".example"};
  for (const Side side : kSides) {
    for (int64_t n = dice.between(1, 2); n > 0; --n) {
      service.sides[index_of(side)].servers.push_back(
          server(fmt::format("10.{}.{}.{}:80", side == Side::primary ? 0 : 9, i, n)));
    }
  }
  service.failover.drain = ms(dice.between(200, 4'000));
  service.failover.read_fallback_after = ms(dice.between(50, 2'000));
  set_health(dice, settings.sides_fail, service);
  service.failback.minimum_stay = ms(dice.chance(500) ? 0 : dice.between(100, 3'000));
  if (dice.chance(400)) service.failback.caught_up = "/caught-up";
  service.read_only.allow.push_back(Rule::parse("POST /search/*").value());
  service.read_only.deny.push_back(Rule::parse("GET /logout/*").value());
  for (int id = kGraphqlEvery; has_graphql_path(id); id += kGraphqlEvery) {
    service.read_only.graphql.push_back(graphql_path(id));
  }
  // Told apart from every other answer.
  service.read_only.status = 423;
  return service;
}

}  // namespace

Settings make_settings(Dice& dice) {
  Settings settings;
  settings.workers = static_cast<int>(dice.between(2, 3));
  settings.chaos = dice.between(4, 12) * kSecond;
  settings.client_every = dice.between(15, 80) * kMs;
  settings.command_every = dice.chance(300) ? dice.between(100, 500) * kMs : dice.between(500, 3'000) * kMs;
  if (dice.chance(800)) settings.trouble_every = dice.between(300, 3'000) * kMs;
  settings.disk_trouble_every = dice.chance(350) ? dice.between(500, 3'000) * kMs : 0;
  settings.kill_every = dice.chance(350) ? dice.between(1'000, 5'000) * kMs : 0;
  settings.stop_every = dice.chance(150) ? dice.between(2'000, 8'000) * kMs : 0;
  settings.has_stalls = dice.chance(150);
  settings.has_hostile_clients = dice.chance(300);
  settings.hosts_lie = dice.chance(300);
  settings.clock_jumps = dice.chance(100);
  settings.sides_fail = dice.chance(300);
  if (settings.sides_fail) {
    settings.command_every = dice.between(2'000, 12'000) * kMs;
    settings.trouble_every = dice.between(400, 1'200) * kMs;
  }
  if (dice.chance(50)) settings.connections_per_worker = static_cast<uint64_t>(dice.between(7, 12));
  return settings;
}

std::shared_ptr<const Config> make_config(Dice& dice, const Settings& settings, const std::string& folder) {
  auto config = std::make_shared<Config>();
  config->workers = settings.workers;
  config->state_dir = folder;
  config->drain = ms(dice.between(500, 4'000));
  config->listeners.push_back({Address::parse("192.0.2.80:80").value(), {}});
  set_limits(dice, config->limits);
  set_timeouts(dice, config->timeouts);
  for (int i = 0; i < 2; ++i) config->services.push_back(make_service(dice, settings, i));
  return config;
}

}  // namespace halfdoor
