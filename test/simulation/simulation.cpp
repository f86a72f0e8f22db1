#include "simulation/simulation.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace halfdoor {

namespace {

constexpr Micros kMostCalm = 60 * kSecond;

ServerConfig server(const std::string& name) { return {name, Address::parse(name).value()}; }

}  // namespace

SimulatedHost& SimulationContext::host_at(const std::string& address) {
  for (const auto& host : hosts) {
    if (host->address() == address) return *host;
  }
  std::abort();
}

Simulation::Simulation(const SimulationOptions& options)
    : options_(options),
      dice_(options.seed),
      story_(schedule_, options.telling),
      checker_(history_),
      context_{schedule_, dice_, story_, history_, checker_, {}, {}, nullptr, {}, nullptr, 0, false, {}} {
  checker_.set_context(context_);
  logged_story = &story_;
  std::filesystem::remove_all(options_.folder);
  std::filesystem::create_directories(options_.folder);
  context_.settings = make_settings();
  context_.config = make_config();
  context_.on_process_ended = [this](SimulatedProcess& process, int code) { on_process_ended(process, code); };
  SimulatedDisk::Hooks hooks;
  hooks.is_alive_at_call = [this] { return processes_.empty() || processes_.back()->is_alive_at_call(); };
  hooks.wait = [this] {
    SimulatedProcess& process = *processes_.back();
    // A process that ends does not wait for its disk.
    if (process.is_finishing()) return false;
    schedule_.run_until(schedule_.now() + 600 * kSecond,
                        [&] { return !process.is_alive() || context_.disk->health != SimulatedDisk::Health::hanging; });
    return process.is_alive();
  };
  disk_ = std::make_unique<SimulatedDisk>(dice_.fork(), std::move(hooks));
  context_.disk = disk_.get();
  make_hosts();
}

Simulation::~Simulation() {
  restarts_ = false;
  if (context_.process != nullptr) context_.process->kill("the simulation is over");
  schedule_.run_until(schedule_.now());
  disk_.reset();
  logged_story = nullptr;
  std::filesystem::remove_all(options_.folder);
}

Settings Simulation::make_settings() {
  Settings settings;
  settings.workers = static_cast<int>(dice_.between(2, 3));
  settings.chaos = dice_.between(4, 12) * kSecond;
  settings.client_every = dice_.between(15, 80) * kMs;
  settings.command_every = dice_.chance(300) ? dice_.between(100, 500) * kMs : dice_.between(500, 3'000) * kMs;
  if (dice_.chance(800)) settings.trouble_every = dice_.between(300, 3'000) * kMs;
  settings.disk_trouble_every = dice_.chance(350) ? dice_.between(500, 3'000) * kMs : 0;
  settings.kill_every = dice_.chance(350) ? dice_.between(1'000, 5'000) * kMs : 0;
  settings.stop_every = dice_.chance(150) ? dice_.between(2'000, 8'000) * kMs : 0;
  settings.has_stalls = dice_.chance(150);
  settings.has_hostile_clients = dice_.chance(300) && !options_.no_hostile_clients;
  settings.hosts_lie = dice_.chance(300);
  settings.clock_jumps = dice_.chance(100);
  if (dice_.chance(50)) settings.connections_per_worker = static_cast<uint64_t>(dice_.between(7, 12));
  if (options_.no_kills) settings.kill_every = settings.stop_every = 0;
  if (options_.no_disk_trouble) settings.disk_trouble_every = 0;
  if (options_.no_host_trouble) settings.trouble_every = 0;
  if (options_.no_commands) settings.command_every = 0;
  return settings;
}

std::shared_ptr<const Config> Simulation::make_config() {
  auto config = std::make_shared<Config>();
  const auto ms = [](int64_t value) { return Milliseconds(value); };
  config->workers = context_.settings.workers;
  config->state_dir = options_.folder;
  config->drain = ms(dice_.between(500, 4'000));
  config->listeners.push_back({Address::parse("192.0.2.80:80").value(), {}});
  Limits& limits = config->limits;
  limits.buffer = dice_.chance(500) ? 4'096 : 32'768;
  limits.writes_in_flight = dice_.chance(100) ? 2 : 64;
  limits.refused_body = dice_.chance(200) ? 20'000 : 16 << 20;
  Timeouts& timeouts = config->timeouts;
  timeouts.request_head = ms(dice_.between(2'000, 5'000));
  timeouts.request_body = ms(dice_.between(3'000, 6'000));
  timeouts.refused_body = ms(4'000);
  timeouts.keep_alive = ms(dice_.between(3'000, 8'000));
  timeouts.client_write = ms(dice_.between(5'000, 8'000));
  timeouts.connect = ms(dice_.between(300, 1'500));
  timeouts.first_byte = ms(dice_.between(4'000, 7'000));
  timeouts.response_body = ms(dice_.between(4'000, 7'000));
  timeouts.pool_idle = ms(dice_.between(500, 4'000));
  timeouts.pool_fresh = ms(dice_.between(50, 1'000));
  for (int i = 0; i < 2; ++i) {
    ServiceConfig service;
    service.name = i == 0 ? "salon" : "shop";
    service.hosts = {service.name + ".example"};
    for (const Side side : kSides) {
      for (int64_t n = dice_.between(1, 2); n > 0; --n) {
        service.sides[index_of(side)].servers.push_back(
            server(fmt::format("10.{}.{}.{}:80", side == Side::primary ? 0 : 9, i, n)));
      }
    }
    service.failover.drain = ms(dice_.between(200, 4'000));
    service.failover.read_fallback_after = ms(dice_.between(50, 2'000));
    service.failback.minimum_stay = ms(dice_.chance(500) ? 0 : dice_.between(100, 3'000));
    if (dice_.chance(400)) service.failback.caught_up = "/caught-up";
    service.read_only.allow.push_back(Rule::parse("POST /search/*").value());
    service.read_only.deny.push_back(Rule::parse("GET /logout/*").value());
    // Told apart from every other answer.
    service.read_only.status = 423;
    config->services.push_back(std::move(service));
  }
  return config;
}

void Simulation::make_hosts() {
  for (size_t service = 0; service < context_.config->services.size(); ++service) {
    for (const Side side : kSides) {
      for (const ServerConfig& config : context_.config->services[service].side(side).servers) {
        const int number = static_cast<int>(context_.hosts.size()) + 1;
        context_.hosts.push_back(std::make_unique<SimulatedHost>(context_, number, service, side, config.name));
      }
    }
  }
}

// Processes
// ------------------------------------------------------------------------------------------------------------

void Simulation::start_process() {
  processes_.push_back(std::make_unique<SimulatedProcess>(context_, static_cast<int>(processes_.size()) + 1));
  SimulatedProcess& process = *processes_.back();
  context_.process = &process;
  if (!process.start()) return;
  for (const UncertainWrite& write : process.state().uncertain().newest("", 100'000)) {
    history_.uncertain.emplace(id_of_target(write.path), write.why);
  }
}

void Simulation::on_process_ended(SimulatedProcess&, int) {
  context_.process = nullptr;
  if (!restarts_) return;
  schedule_.after(dice_.skewed(20 * kMs, 500 * kMs), [this] { start_process(); });
}

SimulatedWorkerSlot& Simulation::any_worker() { return *dice_.pick(context_.process->workers()); }

// Actors
// ---------------------------------------------------------------------------------------------------------------

void Simulation::repeat(Micros mean, const std::function<void()>& act) {
  if (mean == 0) return;
  schedule_.after(dice_.between(mean / 4, mean * 7 / 4), [this, mean, act] {
    if (context_.is_calm) return;
    act();
    repeat(mean, act);
  });
}

void Simulation::add_client() {
  const bool is_refused = context_.process == nullptr || !context_.process->is_serving();
  if (is_refused || (options_.only_clients > 0 && static_cast<int>(clients_.size()) >= options_.only_clients)) return;
  clients_.push_back(std::make_unique<SimulatedClient>(context_, static_cast<int>(clients_.size()) + 1));
  clients_.back()->connect(*context_.process, any_worker());
}

void Simulation::give_command() {
  if (context_.process == nullptr || !context_.process->is_serving()) return;
  ModeRequest request;
  if (dice_.chance(850)) {
    request.verb = kVerbs[dice_.below(kVerbs.size())];
  } else {
    request.mode = kModes[dice_.below(kModes.size())];
  }
  request.actor = "uid:0(root)";
  if (dice_.chance(300)) request.reason = "because";
  if (dice_.chance(200)) request.until = WallTime(Milliseconds(context_.unix_ms() + 3'600'000));
  for (const Guard guard : {Guard::minimum_stay, Guard::caught_up, Guard::fenced, Guard::not_persisted}) {
    if (dice_.chance(guard == Guard::not_persisted ? 50 : 250)) request.overrides.push_back(guard);
  }
  request.dry_run = dice_.chance(80);
  static constexpr int64_t kWaits[] = {0, 0, 200, 1'000, 30'000, 30'000};
  request.wait = Milliseconds(kWaits[dice_.below(std::size(kWaits))]);
  const auto service = static_cast<size_t>(dice_.below(context_.config->services.size()));
  if (dice_.chance(100))
    request.expect_epoch = context_.process->coordinator().service(service).record().epoch + dice_.below(2);
  if (dice_.chance(80)) {
    // As SIGUSR1 and SIGUSR2: all services at once.
    request = ModeRequest{};
    request.actor = "signal";
    request.verb = dice_.chance(500) ? Verb::failover : Verb::failback;
    for (size_t i = 0; i < context_.config->services.size(); ++i) ask(i, request);
    return;
  }
  if (dice_.chance(50)) request.actor = kActorAutomatic;
  ask(service, std::move(request));
}

void Simulation::ask(size_t service, ModeRequest request) {
  CommandRecord record;
  record.number = static_cast<int>(history_.commands.size()) + 1;
  record.process = context_.process->number();
  record.service = service;
  record.request = request;
  record.asked_at = schedule_.now();
  record.met_others = std::any_of(history_.commands.begin(), history_.commands.end(), [&](const CommandRecord& other) {
    const bool may_go_on = other.answers == 0 || schedule_.now() - other.asked_at < 30 * kSecond;
    return other.service == service && other.process == record.process && !other.process_ended && may_go_on &&
           !(other.answers > 0 && other.answer.kind != ChangeAnswer::Kind::incomplete);
  });
  history_.commands.push_back(record);
  CommandRecord& kept = history_.commands.back();
  story_.tell("operator", "command {}: {} {} of {} (wait {} ms{}{})", record.number,
              request.verb ? to_text(*request.verb) : "mode", request.mode ? to_text(*request.mode) : "",
              context_.config->services[service].name, request.wait.count(), request.dry_run ? ", dry run" : "",
              request.overrides.empty() ? "" : ", overrides");
  SimulatedProcess& process = *context_.process;
  process.command([this, &process, &kept, service, request = std::move(request)] {
    process.coordinator().ask(service, request, [this, &kept](const ChangeAnswer& answer) {
      ++kept.answers;
      kept.answered_at = schedule_.now();
      kept.answer = answer;
      static constexpr const char* kKinds[] = {"done", "incomplete", "refused", "stale epoch"};
      story_.tell("operator", "command {} is answered: {}, {} epoch {}{}", kept.number,
                  kKinds[static_cast<int>(answer.kind)], to_text(answer.record.to), answer.record.epoch,
                  answer.persisted ? "" : ", NOT PERSISTED");
      checker_.on_answer(kept);
    });
  });
}

void Simulation::trouble_a_host() {
  using Trouble = SimulatedHost::Trouble;
  SimulatedHost& host = *dice_.pick(context_.hosts);
  if (host.trouble() != Trouble::none) return host.set_trouble(Trouble::none);
  static constexpr Trouble kTroubles[] = {Trouble::refuses, Trouble::blackholed, Trouble::hangs,   Trouble::cuts,
                                          Trouble::slow,    Trouble::lies,       Trouble::nonsense};
  const Trouble trouble = kTroubles[dice_.below(context_.settings.hosts_lie ? 7 : 5)];
  // Now and then a whole side.
  const bool is_side = dice_.chance(300);
  for (const auto& other : context_.hosts) {
    const bool is_near = other->service() == host.service() && other->side() == host.side();
    if (other.get() == &host || (is_side && is_near)) other->set_trouble(trouble);
  }
}

void Simulation::trouble_the_disk() {
  using DiskHealth = SimulatedDisk::Health;
  if (disk_->health != DiskHealth::fine) return;
  disk_->health =
      std::array{DiskHealth::full, DiskHealth::failing, DiskHealth::hanging, DiskHealth::hanging}[dice_.below(4)];
  story_.tell("disk", "is in trouble: {}", static_cast<int>(disk_->health));
  schedule_.after(dice_.skewed(5 * kMs, 8 * kSecond), [this] {
    disk_->health = DiskHealth::fine;
    story_.tell("disk", "is well again");
  });
}

void Simulation::kill_or_stop() {
  if (context_.process == nullptr) return;
  if (dice_.chance(300)) return context_.process->kill("kill -9");
  context_.process->kill_in(1 + dice_.below(400));
}

void Simulation::stall_something() {
  if (context_.process == nullptr || !context_.process->is_serving()) return;
  const Micros time = dice_.chance(800) ? dice_.skewed(10 * kMs, 900 * kMs) : dice_.between(kSecond, 7 * kSecond);
  if (dice_.chance(300)) return context_.process->stall_control(std::min<Micros>(time, kSecond));
  any_worker().stall(time);
}

// The day
// --------------------------------------------------------------------------------------------------------------

void Simulation::run() {
  start_process();
  chaos();
  calm();
  last_round();
  last_restart();
  checker_.judge();
}

void Simulation::chaos() {
  const Settings& settings = context_.settings;
  repeat(settings.client_every, [this] { add_client(); });
  repeat(settings.command_every, [this] { give_command(); });
  if (!options_.no_host_trouble) repeat(settings.trouble_every, [this] { trouble_a_host(); });
  repeat(settings.disk_trouble_every, [this] { trouble_the_disk(); });
  repeat(settings.kill_every, [this] { kill_or_stop(); });
  repeat(settings.stop_every, [this] {
    if (context_.process != nullptr && context_.process->is_serving()) context_.process->terminate();
  });
  if (settings.has_stalls) repeat(kSecond, [this] { stall_something(); });
  if (settings.clock_jumps) {
    repeat(2 * kSecond, [this] { context_.wall_offset_ms += dice_.between(-100'000, 100'000); });
  }
  schedule_.run_until(settings.chaos);
}

// The faults end. What was begun is finished or given up; then there must be rest.
void Simulation::calm() {
  story_.tell("simulation", "the faults are over");
  context_.is_calm = true;
  const Micros began = schedule_.now();
  for (const auto& host : context_.hosts) {
    if (host->trouble() != SimulatedHost::Trouble::none) host->set_trouble(SimulatedHost::Trouble::none);
    for (const auto& connection : host->connections()) connection->give_up();
  }
  if (context_.process != nullptr) context_.process->kill_in(0);
  for (const auto& client : clients_) client->calm_down();
  const auto is_quiet = [&] {
    return context_.process != nullptr && context_.process->is_serving() &&
           std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->is_over(); });
  };
  while (!is_quiet() && schedule_.now() < began + kMostCalm) schedule_.run_until(schedule_.now() + 200 * kMs);
  if (!is_quiet()) {
    return checker_.fail(property::kLive, "clients are still waiting a minute after the faults", 0);
  }
  // Pools empty themselves.
  schedule_.run_until(schedule_.now() + context_.config->timeouts.pool_idle.count() * kMs + 10 * kSecond);
  for (const auto& worker : context_.process->workers()) checker_.check_nothing_is_left(*worker, "after the faults");
  for (size_t service = 0; service < context_.config->services.size(); ++service) {
    const ServiceSwitch& present = context_.process->coordinator().service(service);
    if (!present.fenced()) checker_.fail(property::kLive, "a mode is never fenced", 0);
    if (!present.persisted()) checker_.fail(property::kLive, "a mode is never persisted", 0);
  }
}

// Everything works: each service does what its mode says, and a switch goes through.
void Simulation::last_round() {
  if (context_.process == nullptr || !context_.process->is_serving()) return;
  const size_t first = clients_.size();
  for (int round = 0; round < 2; ++round) {
    for (size_t service = 0; service < context_.config->services.size(); ++service) {
      for (const RequestKind kind : {RequestKind::read, RequestKind::write, RequestKind::allowed}) {
        clients_.push_back(std::make_unique<SimulatedClient>(context_, static_cast<int>(clients_.size()) + 1));
        clients_.back()->ask_once(*context_.process, any_worker(), service, kind);
      }
    }
    schedule_.run_until(schedule_.now() + 5 * kSecond);
    if (round > 0) break;
    for (size_t service = 0; service < context_.config->services.size(); ++service) {
      ModeRequest request;
      request.actor = "uid:0(root)";
      request.verb = Verb::close;
      ask(service, request);
      schedule_.run_until(schedule_.now() + 2 * kSecond);
      request.verb = Verb::failover;
      ask(service, request);
    }
    schedule_.run_until(schedule_.now() + 8 * kSecond);
    for (size_t service = 0; service < context_.config->services.size(); ++service) {
      const LatchRecord& record = context_.process->coordinator().service(service).record();
      if (record.to != Mode::backup_readonly) checker_.fail(property::kLive, "a last failover does not succeed", 0);
    }
  }
  for (size_t i = first; i < clients_.size(); ++i) {
    const RequestRecord& request = history_.request(clients_[i]->last_id());
    if (request.head_sent_at == kNeverUs) {
      checker_.fail(property::kLive, "cannot even be sent", request.id);
      continue;
    }
    const PublicationRecord* mode = nullptr;
    for (const PublicationRecord& publication : history_.publications) {
      if (publication.service == request.service && publication.at <= request.head_sent_at) mode = &publication;
    }
    const bool passes = may_go(request.kind, mode->mode, mode->diverged, Side::primary) ||
                        may_go(request.kind, mode->mode, mode->diverged, Side::backup);
    const bool lacks_slots = request.status == 503 && context_.config->limits.writes_in_flight < 10;
    const bool is_right =
        request.is_complete && (passes ? request.response != 0 || lacks_slots : request.status == 423);
    if (!is_right)
      checker_.fail(property::kLive, fmt::format("at rest is answered by {}: {}", request.status, request.text),
                    request.id);
  }
}

// Stops gracefully, starts again: nothing is forgotten.
void Simulation::last_restart() {
  if (context_.process == nullptr) return;
  for (const auto& client : clients_) client->calm_down();
  SimulatedProcess& process = *context_.process;
  process.terminate();
  const Micros began = schedule_.now();
  while (!process.has_ended() && schedule_.now() < began + kMostCalm) schedule_.run_until(schedule_.now() + 50 * kMs);
  schedule_.run_until(schedule_.now() + 2 * kSecond);
  if (context_.process == nullptr) return checker_.fail(property::kLive, "does not start again", 0);
  restarts_ = false;
  context_.process->terminate();
  schedule_.run_until(schedule_.now() + 2 * kSecond + context_.config->drain.count() * kMs);
}

std::string Simulation::describe() const {
  return fmt::format("{} requests, {} arrivals, {} commands, {} modes, {} lives, {} uncertain, {} events, {} s",
                     history_.requests.size(), history_.arrivals.size(), history_.commands.size(),
                     history_.publications.size(), processes_.size(), history_.uncertain.size(), schedule_.events(),
                     schedule_.now() / kSecond);
}

}  // namespace halfdoor
