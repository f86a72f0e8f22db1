// The start of the daemon: state first, then sockets, then workers, then whoever may give orders.
#include <curl/curl.h>
#include <event2/event.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/check.h"
#include "base/log.h"
#include "control/access.h"
#include "control/daemon.h"
#include "control/descriptors.h"
#include "control/supervisor.h"
#include "control/version.h"
#include "event/listen.h"
#include "failover/side_record.h"
#include "failover/start_state.h"

namespace halfdoor {

namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) seed = static_cast<uint64_t>(std::rand());
  return seed;
}

// What is wrong with the configuration only in this place: names that mean nothing here, files that cannot be read.
Status check_surroundings(Config& config) {
  if (Status resolved = resolve_servers(config); !resolved) return resolved;
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

void Daemon::catch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT}) {
    events_.push_back(evsignal_new(base_.get(), number, on_signal, this));
    HALFDOOR_CHECK(events_.back() != nullptr && event_add(events_.back(), nullptr) == 0);
  }
}

Status Daemon::start(const StartWorker& start_worker) {
  if (Status opened = open_state(); !opened) return opened;
  if (Status opened = open_latches(); !opened) return opened;
  Result<ControlSocket> socket = ControlSocket::open({config_->control_socket, config_->control_group});
  if (!socket) return socket.error();
  control_socket_.emplace(std::move(*socket));
  if (Status started = start_workers(start_worker); !started) return started;
  if (Status started = start_api(*control_socket_); !started) return started;
  log_info("halfdoor {} is ready: {} workers, control socket {}", kVersion, workers_.size(), config_->control_socket);
  notify_supervisor("READY=1");
  return {};
}

Status Daemon::open_state() {
  Result<StateDir> state_dir = StateDir::open(config_->state_dir);
  if (!state_dir) return state_dir.error();
  state_dir_.emplace(std::move(*state_dir));
  if (!state_dir_->warning().empty()) warn(state_dir_->warning());

  Result<std::unique_ptr<Journal>> opened = Journal::open(config_->state_dir, files_, [](const std::string& trouble) {
    if (trouble.empty()) {
      log_warning("the journal can be written again");
    } else {
      log_error("the journal cannot be written: {}", trouble);
    }
  });
  if (!opened) return opened.error();
  journal_ = std::move(*opened);
  if (!journal_->warning().empty()) warn(journal_->warning());

  Result<std::unique_ptr<UncertainList>> list = UncertainList::open(config_->state_dir, files_);
  if (!list) return list.error();
  uncertain_ = std::move(*list);
  if (!uncertain_->warning().empty()) warn(uncertain_->warning());
  desk_ = std::make_unique<UncertainDesk>(*uncertain_,
                                          [this](std::function<void()> call) { mailbox_.post(std::move(call)); });
  return list_what_was_in_flight();
}

Status Daemon::list_what_was_in_flight() {
  const InflightScan scan = scan_inflight(config_->state_dir);
  for (const std::string& warning : scan.warnings) warn(warning);
  if (!scan.writes.empty()) {
    warn(fmt::format(
        "writes in flight when halfdoor stopped: {}; nobody knows whether they were executed: halfdoor uncertain",
        scan.writes.size()));
  }
  // Only what is listed may be forgotten. A disk that takes nothing must not keep everybody from being served: then the
  // writes stay where they are, and are listed as soon as that is possible.
  if (Status listed = uncertain_->append_now(scan.writes); !listed) {
    warn(fmt::format("they cannot be listed yet: {}", listed.error().message));
    keeps_inflight_ = true;
    return {};
  }
  remove_stale_inflight(config_->state_dir, config_->worker_count());
  return {};
}

Result<std::shared_ptr<InflightFile>> Daemon::open_inflight(int worker) {
  const std::string path = inflight_path(config_->state_dir, worker);
  const auto slots = static_cast<uint32_t>(config_->limits.writes_in_flight);
  if (!keeps_inflight_) return InflightFile::open(path, slots);
  std::vector<InflightFile::Kept> kept;
  Result<std::shared_ptr<InflightFile>> file = InflightFile::open_keeping(path, slots, kept);
  if (!file) return file;
  for (const InflightFile::Kept& one : kept) desk_->take(*file, one.ticket, one.write);
  return file;
}

Status Daemon::open_latches() {
  std::vector<LatchRecord> records;
  for (const ServiceConfig& service : config_->services) {
    if (Status opened = open_latch_of(service, records); !opened) return opened;
  }
  for (const std::string& name : list_latches(config_->state_dir)) {
    if (config_->find_service(name) != nullptr) continue;
    const LatchReading reading = read_latch(latch_path(config_->state_dir, name));
    if (reading.kind == LatchKind::valid && reading.record.to == Mode::primary) continue;
    warn(fmt::format("the service {} is no longer configured, but its latch says {}; its latch is kept", name,
                     reading.kind == LatchKind::valid ? to_text(reading.record.to) : "nothing that can be read"));
  }
  auto base = std::make_shared<const ConfigGeneration>(config_);
  SwitchEnvironment& environment = *this;
  coordinator_ =
      std::make_unique<SwitchCoordinator>(environment, std::move(base), config_->worker_count(), std::move(records));
  return {};
}

Status Daemon::open_latch_of(const ServiceConfig& service, std::vector<LatchRecord>& records) {
  const std::string path = latch_path(config_->state_dir, service.name);
  const LatchReading reading = read_latch(path);
  const StartState state =
      start_state(service.name, config_->fresh_mode, reading, journal_->knowledge(service.name), wall_now());
  for (const std::string& warning : state.warnings) warn(warning);
  compare_sides(service);
  Result<std::unique_ptr<Latch>> latch = open_latch(path, reading, state.record);
  if (!latch) return latch.error();
  if (state.must_persist && reading.kind == LatchKind::valid) {
    if (Status stored = (*latch)->store(state.record, OnFailure::keep); !stored) return stored;
  }
  if (reading.previous && reading.previous->service == service.name) journal_->complete_from(*reading.previous);
  journal_->complete_from(state.record);
  latches_.push_back(std::make_unique<LatchWriter>(service.name, std::move(*latch)));
  log_info("{}: starts in {}, epoch {}", service.name, to_text(state.record.to), state.record.epoch);
  records.push_back(state.record);
  return {};
}

void Daemon::compare_sides(const ServiceConfig& service) {
  const std::string path = side_record_path(config_->state_dir, service.name);
  for (const std::string& moved : servers_on_other_side(path, service)) {
    warn(
        fmt::format("{}: {} since the last start: the latched mode now means other hosts than it did; if that is not "
                    "what you want, put the configuration back and restart",
                    service.name, moved));
  }
  if (Status written = write_side_record(path, service); !written) {
    log_warning("{}: cannot note which servers are on which side: {}", service.name, written.error().message);
  }
}

Status Daemon::start_workers(const StartWorker& start_worker) {
  const int workers = config_->worker_count();
  const Result<uint64_t> connections = plan_connections(*config_);
  if (!connections) return connections.error();
  Result<Listeners> listeners = open_listeners(*config_, workers);
  if (!listeners) return listeners.error();
  addresses_ = listeners->addresses;
  const auto share = std::max<uint64_t>(1, *connections / static_cast<uint64_t>(workers));
  const uint64_t seed = random_seed();
  for (int i = 0; i < workers; ++i) {
    Result<std::shared_ptr<InflightFile>> file = open_inflight(i);
    if (!file) return file.error();
    const auto tell = [this, file = *file](InflightFile::Ticket ticket, const UncertainWrite& write) {
      mailbox_.post([this, file, ticket, write] { desk_->take(file, ticket, write); });
    };
    WorkerOptions options;
    options.index = i;
    options.listening_sockets = std::move(listeners->sockets[static_cast<size_t>(i)]);
    options.snapshot = coordinator_->snapshot();
    options.observer = this;
    options.ledger = std::make_unique<InflightLedger>(*file, tell);
    options.most_connections = share;
    options.seed = seed + static_cast<uint64_t>(i);
    Result<std::unique_ptr<Worker>> worker = start_worker(std::move(options));
    if (!worker) return worker.error();
    workers_.push_back(std::move(*worker));
  }
  for (const std::string& address : addresses_) log_info("listening on {}", address);
  return {};
}

Status Daemon::start_api(const ControlSocket& socket) {
  ControlApiOptions options;
  options.view = {coordinator_.get(), config_.get(), {}, uncertain_.get(), &addresses_, &warnings_, started_};
  for (const auto& worker : workers_) {
    options.view.counters.push_back(&worker->counters());
    options.workers.push_back(worker.get());
  }
  options.journal = journal_.get();
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
