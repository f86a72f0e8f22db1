#include "control/durable_state.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "failover/side_record.h"
#include "failover/start_state.h"

namespace halfdoor {

Result<std::unique_ptr<DurableState>> DurableState::open(DurableStateOptions options) {
  std::unique_ptr<DurableState> state(new DurableState(std::move(options)));
  if (Status opened = state->open_lists(); !opened) return opened.error();
  if (Status opened = state->open_latches(); !opened) return opened.error();
  return state;
}

DurableState::DurableState(DurableStateOptions options)
    : options_(std::move(options)), config_(*options_.config), files_(options_.make_helper("files")) {}

void DurableState::warn(const std::string& line) {
  log_error("{}", line);
  warnings_.push_back(line);
}

Status DurableState::open_lists() {
  Result<StateDir> state_dir = StateDir::open(config_.state_dir);
  if (!state_dir) return state_dir.error();
  state_dir_.emplace(std::move(*state_dir));
  if (!state_dir_->warning().empty()) warn(state_dir_->warning());

  Result<std::unique_ptr<Journal>> opened = Journal::open(config_.state_dir, *files_, [](const std::string& trouble) {
    if (trouble.empty()) {
      log_warning("the journal can be written again");
    } else {
      log_error("the journal cannot be written: {}", trouble);
    }
  });
  if (!opened) return opened.error();
  journal_ = std::move(*opened);
  if (!journal_->warning().empty()) warn(journal_->warning());

  Result<std::unique_ptr<UncertainList>> list = UncertainList::open(config_.state_dir, *files_);
  if (!list) return list.error();
  uncertain_ = std::move(*list);
  if (!uncertain_->warning().empty()) warn(uncertain_->warning());
  desk_ = std::make_unique<UncertainDesk>(*uncertain_, UncertainDesk::Surroundings{options_.post, options_.now});
  return list_what_was_in_flight();
}

Status DurableState::list_what_was_in_flight() {
  const InflightScan scan = scan_inflight(config_.state_dir);
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
  remove_stale_inflight(config_.state_dir, config_.worker_count());
  return {};
}

Result<std::shared_ptr<InflightFile>> DurableState::open_inflight(int worker) {
  const std::string path = inflight_path(config_.state_dir, worker);
  const auto slots = static_cast<uint32_t>(config_.limits.writes_in_flight);
  if (!keeps_inflight_) return InflightFile::open(path, slots);
  std::vector<InflightFile::Kept> kept;
  Result<std::shared_ptr<InflightFile>> file = InflightFile::open_keeping(path, slots, kept);
  if (!file) return file;
  for (const InflightFile::Kept& one : kept) desk_->take(*file, one.ticket, one.write);
  return file;
}

Result<std::unique_ptr<WriteLedger>> DurableState::make_ledger(int worker) {
  Result<std::shared_ptr<InflightFile>> file = open_inflight(worker);
  if (!file) return file.error();
  const auto tell = [this, file = *file](InflightFile::Ticket ticket, const UncertainWrite& write) {
    options_.post([this, file, ticket, write] { desk_->take(file, ticket, write); });
  };
  return std::unique_ptr<WriteLedger>(std::make_unique<InflightLedger>(*file, tell));
}

Status DurableState::open_latches() {
  for (const ServiceConfig& service : config_.services) {
    if (Status opened = open_latch_of(service); !opened) return opened;
  }
  for (const std::string& name : list_latches(config_.state_dir)) {
    if (config_.find_service(name) != nullptr) continue;
    const LatchReading reading = read_latch(latch_path(config_.state_dir, name));
    if (reading.kind == LatchKind::valid && reading.record.to == Mode::primary) continue;
    warn(fmt::format("the service {} is no longer configured, but its latch says {}; its latch is kept", name,
                     reading.kind == LatchKind::valid ? to_text(reading.record.to) : "nothing that can be read"));
  }
  return {};
}

Status DurableState::open_latch_of(const ServiceConfig& service) {
  const std::string path = latch_path(config_.state_dir, service.name);
  const LatchReading reading = read_latch(path);
  const StartState state =
      start_state(service.name, config_.fresh_mode, reading, journal_->knowledge(service.name), options_.wall_now);
  for (const std::string& warning : state.warnings) warn(warning);
  compare_sides(service);
  Result<std::unique_ptr<Latch>> latch = open_latch(path, reading, state.record);
  if (!latch) return latch.error();
  // A disk that fails or hangs now must not keep everybody from being served.
  if (state.must_persist && reading.kind == LatchKind::valid) unpersisted_.push_back(records_.size());
  if (reading.previous && reading.previous->service == service.name) journal_->complete_from(*reading.previous);
  journal_->complete_from(state.record);
  latches_.push_back(std::make_unique<LatchWriter>(options_.make_helper("latch " + service.name), std::move(*latch)));
  log_info("{}: starts in {}, epoch {}", service.name, to_text(state.record.to), state.record.epoch);
  records_.push_back(state.record);
  return {};
}

void DurableState::compare_sides(const ServiceConfig& service) {
  const std::string path = side_record_path(config_.state_dir, service.name);
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

uint64_t DurableState::write_latch(size_t service, const LatchRecord& record, OnFailure on_failure,
                                   std::function<void(const LatchOutcome&)> done) {
  return latches_[service]->write(record, on_failure,
                                  [post = options_.post, done = std::move(done)](const LatchOutcome& outcome) {
                                    post([done, outcome] { done(outcome); });
                                  });
}

bool DurableState::finish(Milliseconds patience) {
  bool all = files_->stop(patience);
  for (const auto& latch : latches_) all = latch->stop(patience) && all;
  return all;
}

}  // namespace halfdoor
