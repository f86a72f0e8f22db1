#include "worker/worker_core.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "filters/chain.h"
#include "filters/notice.h"

namespace halfdoor {

namespace {

std::vector<ModeChains> make_chains(const std::vector<std::unique_ptr<Filter>>& filters, const Config& config) {
  std::vector<ModeChains> chains(config.services.size());
  for (size_t service = 0; service < chains.size(); ++service) {
    for (Mode mode : kModes) chains[service][index_of(mode)] = make_chain(filters, config.services[service], mode);
  }
  return chains;
}

// What is judged by the one may as well be judged by the other.
bool keeps_modes(const Snapshot& before, const Snapshot& now) {
  return before.base == now.base && before.states == now.states;
}

}  // namespace

WorkerCore::WorkerCore(const WorkerCoreOptions& options, TimerWheel& wheel, Connector& connector)
    : index_(options.index),
      observer_(*options.observer),
      wheel_(wheel),
      blocks_(options.most_memory == 0 ? std::numeric_limits<size_t>::max() : options.most_memory),
      filters_(make_filters()),
      notices_(std::make_unique<BuiltInNotices>()),
      chains_(make_chains(filters_, options.snapshot->config())),
      pools_({turn_, wheel, blocks_}, connector, options.snapshot->config(), options.snapshot->addresses,
             *options.counters, *options.health, options.most_connections),
      environment_{turn_,
                   wheel,
                   blocks_,
                   pools_,
                   *options.ledger,
                   *notices_,
                   *options.counters,
                   *options.health,
                   *options.wall_clock,
                   Random(options.seed),
                   options.access_log,
                   &add_generation(options.snapshot)},
      exchanges_(environment_, *this, options.snapshot->config().services.size()),
      connections_(environment_, exchanges_, {options.most_connections, options.client_counts}),
      stop_deadline_(wheel, *this) {}

WorkerCore::~WorkerCore() {
  exchanges_.cut_all("halfdoor stopped");
  connections_.close_all();
  pools_.retire_all();
  dispose();
}

Generation& WorkerCore::add_generation(std::shared_ptr<const Snapshot> snapshot) {
  generations_.push_back(std::make_unique<Generation>());
  generations_.back()->snapshot = std::move(snapshot);
  generations_.back()->chains = &chains_;
  return *generations_.back();
}

void WorkerCore::retire_generations() {
  std::erase_if(generations_, [&](const std::unique_ptr<Generation>& generation) {
    return generation.get() != environment_.current && generation->holders == 0;
  });
}

void WorkerCore::apply_addresses(const Snapshot& snapshot) {
  std::vector<ServiceAtSwitch> found(snapshot.states.size());
  for (size_t service = 0; service < found.size(); ++service) found[service].epoch = snapshot.states[service].epoch;
  observer_.on_applied(index_, snapshot.generation, std::move(found));
}

void WorkerCore::apply(std::shared_ptr<const Snapshot> snapshot) {
  if (pools_.use(snapshot->addresses) && keeps_modes(*environment_.current->snapshot, *snapshot)) {
    return apply_addresses(*snapshot);
  }
  const Snapshot& before = *environment_.current->snapshot;
  environment_.current = &add_generation(std::move(snapshot));
  const Snapshot& now = *environment_.current->snapshot;

  std::vector<ServiceAtSwitch> found(now.states.size());
  std::vector<uint16_t> changed;
  for (size_t i = 0; i < now.states.size(); ++i) {
    const auto service = static_cast<uint16_t>(i);
    found[service].epoch = now.states[service].epoch;
    if (before.states[service].epoch == now.states[service].epoch) continue;
    changed.push_back(service);
    std::erase_if(fenced_, [service](const FencedReport& report) { return report.service == service; });
    for (Side side : kSides) {
      if (serving_side(now.states[service].mode) != side) pools_.retire(service, side);
    }
    const DrainStart start = exchanges_.begin_drain(service);
    found[service].writes_draining = start.writes;
    found[service].others_draining = start.others;
  }
  observer_.on_applied(index_, now.generation, std::move(found));
  for (uint16_t service : changed) exchanges_.tell_if_drained(service);
  retire_generations();
  if (generations_.size() <= kMostGenerations) return;
  exchanges_.release_generation(*generations_.front());
  retire_generations();
}

void WorkerCore::on_drained(uint16_t service, const DrainTally& tally) {
  FencedReport report;
  report.service = service;
  report.epoch = tally.epoch;
  report.writes_finished = tally.writes_finished;
  report.writes_uncertain = tally.writes_uncertain;
  report.reads_moved = tally.reads_moved;
  report.cut = tally.cut;
  fenced_.push_back(report);
}

std::vector<ExchangeInfo> WorkerCore::list_exchanges() {
  std::vector<ExchangeInfo> all;
  for (Exchange& exchange : exchanges_.active()) {
    if (!exchange.has_service()) continue;
    const ServiceConfig& service = config().services[exchange.service()];
    ExchangeInfo info;
    info.request_id = exchange.request_id();
    info.service = service.name;
    info.epoch = exchange.epoch();
    info.side = "none";
    if (exchange.attempt().is_active()) {
      const ServerId server = exchange.attempt().server();
      info.side = to_text(server.side);
      info.server = service.side(server.side).servers[server.server].name;
    }
    info.method = exchange.original().method;
    info.path = exchange.original().target;
    info.client = exchange.client_address();
    info.state = exchange.state_text();
    info.age_ms = wheel_.now_ms() - exchange.started_ms();
    info.bytes_in = exchange.bytes_in();
    info.bytes_out = exchange.bytes_out();
    all.push_back(std::move(info));
  }
  return all;
}

void WorkerCore::begin_stop(Milliseconds drain) {
  if (is_stopping_) return;
  is_stopping_ = true;
  connections_.begin_stop();
  exchanges_.begin_stop(drain.count());
  stop_deadline_.set(drain.count());
}

void WorkerCore::on_deadline(Deadline&) {
  cut_ = exchanges_.cut_all("cut at the end of server.drain");
  // What was cut gets its notice written in this turn; then nothing is waited for.
  turn_.flush();
  connections_.close_all();
}

void WorkerCore::finish_stop() {
  if (has_stopped_ || !connections_.empty() || !exchanges_.empty()) return;
  has_stopped_ = true;
  stop_deadline_.clear();
  pools_.retire_all();
  observer_.on_stopped(index_, cut_);
}

void WorkerCore::dispose() {
  connections_.keep_to_budget();
  turn_.dispose_all();
  exchanges_.reclaim();
  for (const FencedReport& report : std::exchange(fenced_, {})) observer_.on_fenced(index_, report);
  if (generations_.size() > 1) retire_generations();
  if (is_stopping_) finish_stop();
  if (environment_.access_log != nullptr) environment_.access_log->end_turn(wheel_.now_ms());
}

}  // namespace halfdoor
