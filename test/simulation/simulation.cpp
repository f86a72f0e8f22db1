#include "simulation/simulation.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace halfdoor {

namespace {

constexpr Micros kMostCalm = 60 * kSecond;

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
      context_{schedule_, dice_, story_, history_, checker_, {}, {}, nullptr, {}, nullptr, 0, false, {}},
      operator_(context_) {
  checker_.set_context(context_);
  logged_story = &story_;
  std::filesystem::remove_all(options_.folder);
  std::filesystem::create_directories(options_.folder);
  context_.settings = make_settings();
  context_.config = make_config(dice_, context_.settings, options_.folder);
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
  Settings settings = halfdoor::make_settings(dice_);
  if (options_.no_hostile_clients) settings.has_hostile_clients = false;
  if (options_.no_kills) settings.kill_every = settings.stop_every = 0;
  if (options_.no_disk_trouble) settings.disk_trouble_every = 0;
  if (options_.no_host_trouble) settings.trouble_every = 0;
  if (options_.no_commands) settings.command_every = 0;
  return settings;
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

void Simulation::trouble_a_host() {
  using Trouble = SimulatedHost::Trouble;
  SimulatedHost& host = *dice_.pick(context_.hosts);
  Trouble trouble = Trouble::none;
  if (host.trouble() == Trouble::none) {
    static constexpr Trouble kTroubles[] = {Trouble::refuses, Trouble::blackholed, Trouble::stopped, Trouble::slow,
                                            Trouble::hangs,   Trouble::cuts,       Trouble::lies,    Trouble::nonsense};
    const Settings& settings = context_.settings;
    trouble = kTroubles[dice_.below(settings.sides_fail ? 4 : settings.hosts_lie ? 8 : 6)];
  }
  // Now and then a whole side.
  const bool is_side = dice_.chance(context_.settings.sides_fail ? 700 : trouble == Trouble::none ? 0 : 300);
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
  repeat(settings.command_every, [this] { operator_.give_command(); });
  repeat(settings.trouble_every, [this] { trouble_a_host(); });
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
      operator_.ask(service, request);
      schedule_.run_until(schedule_.now() + 2 * kSecond);
      request.verb = Verb::failover;
      operator_.ask(service, request);
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
