// The start of the daemon: state first, then sockets, then workers, then whoever may give orders.
#include <curl/curl.h>
#include <event2/event.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/memory_reserve.h"
#include "control/access.h"
#include "control/daemon.h"
#include "control/descriptors.h"
#include "control/memory_plan.h"
#include "control/supervisor.h"
#include "control/version.h"
#include "event/listen.h"

namespace halfdoor {

namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) seed = static_cast<uint64_t>(std::rand());
  return seed;
}

// What is wrong with the configuration only in this place: groups that mean nothing here, files that cannot be read.
// Not that a server's name cannot be resolved: a restart while DNS is dead must not make that worse.
Status check_surroundings(const Config& config) {
  if (Status known = check_group(config.control_group); !known) return known;
  if (config.admin_token_file.empty()) return {};
  const Result<std::string> token = read_token(config.admin_token_file);
  return token ? Status() : Status(token.error());
}

}  // namespace

void Daemon::warn(const std::string& line) {
  log_error("{}", line);
  warnings_.push_back(line);
}

void Daemon::watch_memory() {
  constexpr timeval kEvery{0, 200'000};
  events_.push_back(event_new(
      base_.get(), -1, EV_PERSIST,
      [](evutil_socket_t, short, void*) {
        if (!refill_memory_reserve()) return;
        static SteadyTime next_line;
        const SteadyTime now = std::chrono::steady_clock::now();
        if (now < next_line) return;
        next_line = now + std::chrono::seconds(1);
        log_error("the system has no memory left: new requests are refused; lower limits.memory or give it more");
      },
      nullptr));
  HALFDOOR_CHECK(events_.back() != nullptr && event_add(events_.back(), &kEvery) == 0);
}

void Daemon::catch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT}) {
    events_.push_back(evsignal_new(base_.get(), number, on_signal, this));
    HALFDOOR_CHECK(events_.back() != nullptr && event_add(events_.back(), nullptr) == 0);
  }
}

Status Daemon::start(const StartWorker& start_worker) {
  wait_for_names();
  if (stopping_) {
    if (!exit_code_) exit_code_ = 0;
    return {};
  }
  if (Status opened = open_state(); !opened) return opened;
  Result<ControlSocket> socket = ControlSocket::open({config_->control_socket, config_->control_group});
  if (!socket) return socket.error();
  control_socket_.emplace(std::move(*socket));
  if (Status started = start_workers(start_worker); !started) return started;
  if (Status started = start_api(*control_socket_); !started) return started;
  log_info("halfdoor {} is ready: {} workers, control socket {}", kVersion, workers_.size(), config_->control_socket);
  notify_supervisor("READY=1");
  for (const Verb verb : std::exchange(early_signals_, {})) change_all(verb);
  return {};
}

Status Daemon::open_state() {
  DurableStateOptions options;
  options.config = config_;
  options.make_helper = [](const std::string& name) { return std::make_unique<HelperThread>(name); };
  options.post = [this](std::function<void()> call) { mailbox_.post(std::move(call)); };
  options.now = [this] { return now(); };
  options.wall_now = wall_now();
  Result<std::unique_ptr<DurableState>> state = DurableState::open(std::move(options));
  if (!state) return state.error();
  state_ = std::move(*state);
  health_ = std::make_unique<HealthBoard>(*config_);
  warnings_.insert(warnings_.end(), state_->warnings().begin(), state_->warnings().end());
  checks_ = std::make_unique<HealthChecks>(static_cast<HealthEnvironment&>(*this), prober_, *config_, *health_);
  SwitchEnvironment& environment = *this;
  coordinator_ = std::make_unique<SwitchCoordinator>(environment, std::make_shared<const ConfigGeneration>(config_),
                                                     config_->worker_count(), state_->records(), names_->addresses(),
                                                     state_->unpersisted());
  return {};
}

Status Daemon::start_workers(const StartWorker& start_worker) {
  const int workers = config_->worker_count();
  const Result<uint64_t> connections = plan_connections(*config_);
  if (!connections) return connections.error();
  const Result<uint64_t> memory = memory_within(*config_, config_->limits.memory, memory_of_machine());
  if (!memory) return memory.error();
  Result<Listeners> listeners = open_listeners(*config_, workers);
  if (!listeners) return listeners.error();
  addresses_ = listeners->addresses;
  const auto share = std::max<uint64_t>(1, *connections / static_cast<uint64_t>(workers));
  const auto client_counts = std::make_shared<ClientCounts>();
  const uint64_t seed = random_seed();
  if (config_->access_log != "off") {
    const AccessFormat format = config_->access_log_json ? AccessFormat::json : AccessFormat::combined;
    access_log_ = std::make_unique<AccessWriter>(config_->access_log, format, workers);
  }
  for (int i = 0; i < workers; ++i) {
    Result<std::unique_ptr<WriteLedger>> ledger = state_->make_ledger(i);
    if (!ledger) return ledger.error();
    WorkerOptions options;
    options.index = i;
    options.listening_sockets = std::move(listeners->sockets[static_cast<size_t>(i)]);
    options.snapshot = coordinator_->snapshot();
    options.observer = this;
    options.ledger = std::move(*ledger);
    if (access_log_) options.access_log = access_log_->make_log(i);
    options.most_connections = share;
    options.most_memory = *memory / static_cast<uint64_t>(workers);
    options.client_counts = client_counts;
    options.health = health_.get();
    options.seed = seed + static_cast<uint64_t>(i);
    Result<std::unique_ptr<Worker>> worker = start_worker(std::move(options));
    if (!worker) return worker.error();
    workers_.push_back(std::move(*worker));
  }
  for (const std::string& address : addresses_) log_info("listening on {}", address);
  log_info("at most {} client connections and {} MiB for what they send and receive", share * workers_.size(),
           *memory >> 20);
  return {};
}

Status Daemon::start_api(const ControlSocket& socket) {
  ControlApiOptions options;
  options.view = {coordinator_.get(), config_.get(),     {},           &state_->uncertain(), &addresses_, &warnings_,
                  started_,           access_log_.get(), names_.get(), checks_.get()};
  for (const auto& worker : workers_) {
    options.view.counters.push_back(&worker->counters());
    options.workers.push_back(worker.get());
  }
  options.journal = &state_->journal();
  options.post = [this](std::function<void()> call) { mailbox_.post(std::move(call)); };
  if (!config_->admin_token_file.empty()) {
    Result<std::string> token = read_token(config_->admin_token_file);
    if (!token) return token.error();
    options.admin_token = std::move(*token);
  }
  api_ = std::make_unique<ControlApi>(base_.get(), std::move(options));
  if (Status serving = api_->serve_unix(socket.fd()); !serving) return serving;
  if (!config_->admin_address) return {};
  Result<UniqueFd> admin = listen_on(*config_->admin_address, false);
  if (!admin) return admin.error();
  const Result<Address> bound = local_address(admin->get());
  log_info("admin on {}", bound ? bound->text() : config_->admin_address->text());
  return api_->serve_tcp(std::move(*admin));
}

int run_daemon(const std::string& config_file, const StartWorker& start_worker) {
  set_memory_reserve_aside();
  event_set_mem_functions(allocate_or_use_reserve, reallocate_or_use_reserve, std::free);
  LoadedConfig loaded = load_config(config_file);
  for (const std::string& problem : loaded.problems) std::fprintf(stderr, "%s\n", problem.c_str());
  if (!loaded.config) return 2;
  if (Status checked = check_surroundings(*loaded.config); !checked) {
    std::fprintf(stderr, "%s: %s\n", config_file.c_str(), checked.error().message.c_str());
    return 2;
  }
  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  start_log(loaded.config->log_level);
  auto daemon = std::make_unique<Daemon>(loaded.config, loaded.warnings);
  int code = 1;
  if (Status started = daemon->start(start_worker); started) {
    code = daemon->serve();
  } else {
    log_error("{}", started.error().message);
  }
  const bool finished = daemon->finish();
  if (finished) daemon.reset();
  stop_log();
  // A thread that hangs in a disk may still use what belongs to the daemon.
  if (!finished) std::_Exit(code);
  return code;
}

}  // namespace halfdoor
