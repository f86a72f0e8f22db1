// What the checker holds operators' commands, modes and the latch to.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "failover/latch.h"
#include "simulation/checker.h"
#include "simulation/context.h"
#include "simulation/sim_process.h"

namespace halfdoor {

namespace {

// Its own look at the file: the records that stand in it, valid or not.
struct LatchText {
  std::string bytes;

  bool holds(uint64_t epoch, Mode mode) const {
    for (size_t slot = 0; slot + kLatchSlotBytes <= bytes.size(); slot += kLatchSlotBytes) {
      const std::string_view text = std::string_view(bytes).substr(slot, kLatchSlotBytes);
      if (text.find(fmt::format("\"epoch\":{},", epoch)) != std::string_view::npos &&
          text.find(fmt::format("\"to\":\"{}\"", to_text(mode))) != std::string_view::npos) {
        return true;
      }
    }
    return false;
  }
};

LatchText read_latch_text(const std::string& path) {
  LatchText text;
  text.bytes.resize(kLatchSlots * kLatchSlotBytes);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = fd ? ::pread(fd.get(), text.bytes.data(), text.bytes.size(), 0) : 0;
  text.bytes.resize(static_cast<size_t>(std::max<ssize_t>(0, got)));
  return text;
}

Mode without_writes(Mode mode) {
  return mode == Mode::primary ? Mode::primary_readonly : mode == Mode::backup_writable ? Mode::backup_readonly : mode;
}

bool takes_writes(Mode mode) { return mode == Mode::primary || mode == Mode::backup_writable; }

// Where a request may lead, step by step.
std::vector<Mode> wanted_modes(const ModeRequest& request, Mode from, bool diverged) {
  if (request.verb) return modes_led_to(from, diverged, *request.verb);
  if (request.mode) return {*request.mode, Mode::backup_readonly};
  return {};
}

bool has_override(const ModeRequest& request, Guard guard) {
  return std::find(request.overrides.begin(), request.overrides.end(), guard) != request.overrides.end();
}

}  // namespace

void Checker::check_latch(size_t service, uint64_t epoch, Mode mode, bool must_be_synced) {
  const std::string path = latch_path(context_->config->state_dir, context_->config->services[service].name);
  const std::string what = fmt::format("{} epoch {}", to_text(mode), epoch);
  if (!read_latch_text(path).holds(epoch, mode)) return fail(property::kLatch, what + " is not in the file", 0);
  if (must_be_synced && !context_->disk->is_synced(path)) fail(property::kLatch, what + " is not synced", 0);
}

// Start and end
// --------------------------------------------------------------------------------------------------------

void Checker::on_start(int process, size_t service, const LatchRecord& record) {
  PublicationRecord start;
  start.at = context_->schedule.now();
  start.process = process;
  start.service = service;
  start.epoch = record.epoch;
  start.mode = record.to;
  start.diverged = record.diverged;
  start.is_start = start.was_persisted = true;
  start.is_automatic = record.automatic;
  start.fenced_at = start.at;
  PublicationRecord* before = in_force(service);
  if (before == nullptr) {
    if (record.to != context_->config->fresh_mode || record.epoch != 1)
      fail(property::kI6, "a fresh start in another mode", 0);
    history_.publications.push_back(start);
    return;
  }
  // The mode in force, what was commanded, and, as long as it was NOT PERSISTED, what was before.
  std::set<std::pair<Mode, bool>> allowed;  // and whether it is diverged, where that is known
  std::set<Mode> modes{before->mode};
  bool was_unpersisted = false;
  uint64_t least_epoch = before->epoch;
  for (auto it = history_.publications.rbegin(); it != history_.publications.rend(); ++it) {
    if (it->service != service) continue;
    modes.insert(it->mode);
    least_epoch = it->epoch;
    if (it->was_persisted) break;
    was_unpersisted = true;
  }
  const std::set<Mode> in_force_before = modes;
  const ServiceConfig& config = context_->config->services[service];
  if (config.failover.automatic && before->mode == Mode::primary) modes.insert(Mode::backup_readonly);
  if (config.failback.automatic && before->is_automatic && before->mode == Mode::backup_readonly && !before->diverged) {
    modes.insert(Mode::primary);
  }
  for (const CommandRecord& command : history_.commands) {
    if (command.service != service || command.process != before->process || command.request.dry_run) continue;
    // One that was refused never comes true, whatever the disk did with its record.
    const bool is_pending = command.answers == 0 || command.answer.kind == ChangeAnswer::Kind::incomplete;
    if (!is_pending) continue;
    for (const Mode from : in_force_before) {
      for (const Mode to : wanted_modes(command.request, from, before->diverged)) modes.insert(to);
    }
  }
  if (was_unpersisted) {
    for (const Mode mode : in_force_before) modes.insert(without_writes(mode));
  }
  const std::string what = fmt::format("starts {} in {} epoch {} after {} epoch {}", record.service, to_text(record.to),
                                       record.epoch, to_text(before->mode), before->epoch);
  if (modes.count(record.to) == 0) fail(property::kI6, what, 0);
  if (record.epoch < least_epoch) fail(property::kI5, what, 0);
  if (record.epoch == before->epoch && (record.to != before->mode || record.diverged != before->diverged)) {
    fail(property::kI6, what + ", which is the same epoch", 0);
  }
  before->left_at = start.at;
  history_.publications.push_back(start);
}

void Checker::on_start_failed(int process, const std::string& why) {
  if (context_->disk->health != SimulatedDisk::Health::fine) return;
  fail(property::kLive, fmt::format("process {} cannot start, although the disk is well: {}", process, why), 0);
}

void Checker::on_process_end(int process, bool was_killed) {
  process_ends_[process] = context_->schedule.now();
  for (CommandRecord& command : history_.commands) {
    if (command.process == process && command.answers == 0) command.process_ended = true;
  }
  if (was_killed || context_->process == nullptr) return;
  for (const UncertainWrite& write : context_->process->state().uncertain().newest("", 100'000)) {
    history_.uncertain.emplace(id_of_target(write.path), write.why);
  }
}

// Changes
// --------------------------------------------------------------------------------------------------------------

bool Checker::is_led_by_a_command(int process, const PublicationRecord& before, Mode to, bool& skips_disk) {
  bool is_led = false;
  skips_disk = false;
  for (const CommandRecord& command : history_.commands) {
    if (command.process != process || command.service != before.service || command.request.dry_run) continue;
    if (command.answers > 0 && command.answer.kind != ChangeAnswer::Kind::incomplete) continue;
    const std::vector<Mode> modes = wanted_modes(command.request, before.mode, before.diverged);
    if (std::find(modes.begin(), modes.end(), to) == modes.end()) continue;
    is_led = true;
    skips_disk = skips_disk || has_override(command.request, Guard::not_persisted);
  }
  return is_led;
}

void Checker::on_publish(int process, const Snapshot& snapshot) {
  for (size_t service = 0; service < snapshot.states.size(); ++service) {
    const ServiceState& state = snapshot.states[service];
    PublicationRecord* before = in_force(service);
    const std::string what = fmt::format("service {}: {} epoch {} after {} epoch {}", service, to_text(state.mode),
                                         state.epoch, to_text(before->mode), before->epoch);
    if (state.epoch == before->epoch) {
      if (state.mode != before->mode || state.diverged != before->diverged) fail(property::kI5, what, 0);
      continue;
    }
    for (const PublicationRecord& old : history_.publications) {
      if (old.service != service || old.epoch < state.epoch) continue;
      if (old.was_persisted || old.process == process) {
        fail(property::kI5, what + fmt::format("; epoch {} was there before", old.epoch), 0);
        break;
      }
    }
    const bool is_automatic = context_->process->coordinator().service(service).record().automatic;
    bool skips_disk = false;
    if (!is_automatic && !is_led_by_a_command(process, *before, state.mode, skips_disk)) {
      fail(takes_writes(before->mode) ? property::kI5 : property::kI9, what + ", which nobody asked for", 0);
    }
    if (takes_writes(state.mode) && takes_writes(before->mode))
      fail(property::kI5, what + ": from writes to writes", 0);
    if (takes_writes(state.mode) && !skips_disk) check_latch(service, state.epoch, state.mode, true);
    if (state.mode == Mode::backup_writable && !state.diverged) fail(property::kI5, what + ": not diverged", 0);
    before->left_at = context_->schedule.now();
    PublicationRecord now;
    now.at = before->left_at;
    now.process = process;
    now.service = service;
    now.epoch = state.epoch;
    now.mode = state.mode;
    now.diverged = state.diverged;
    now.is_automatic = is_automatic;
    now.is_automatic_failover = is_automatic && state.mode == Mode::backup_readonly;
    if (is_automatic) check_automatic(*before, now);
    context_->story.tell("mode", "{}", what);
    history_.publications.push_back(now);
  }
}

void Checker::on_announce(int, size_t service, std::string_view what) {
  PublicationRecord* present = in_force(service);
  if (present == nullptr) return;
  if (what == "fenced") {
    present->fenced_at = context_->schedule.now();
    check_fenced(service, *present);
  }
  const bool is_persisted = context_->process->coordinator().service(service).persisted();
  if ((what == "mode" || what == "persisted") && is_persisted) {
    present->was_persisted = true;
    check_latch(service, present->epoch, present->mode, false);
  }
}

void Checker::on_answer(CommandRecord& command) {
  const ChangeAnswer& answer = command.answer;
  PublicationRecord* present = in_force(command.service);
  const std::string what = fmt::format("command {} of service {}", command.number, command.service);
  if (command.answers > 1) return fail(property::kAnswer, what + " is answered again", 0);
  // Of several changes in one go, each is told of the mode that it met.
  const bool is_present = answer.record.epoch == present->epoch && answer.record.to == present->mode;
  const bool was_just_present = std::any_of(
      history_.publications.begin(), history_.publications.end(), [&](const PublicationRecord& publication) {
        return publication.service == command.service && publication.epoch == answer.record.epoch &&
               publication.mode == answer.record.to && publication.left_at == context_->schedule.now();
      });
  if (!is_present && !was_just_present) {
    fail(property::kAnswer, what + " is told of a mode that is not in force", 0);
  }
  using Kind = ChangeAnswer::Kind;
  if (is_present && !answer.persisted) present->was_persisted = false;
  if (answer.kind == Kind::refused && answer.refusals.empty())
    fail(property::kAnswer, what + " is refused by no rule", 0);
  if (command.answered_at > command.asked_at + command.answer_is_due_after())
    fail(property::kAnswer, what + " is answered late", 0);
  if (answer.kind != Kind::done || answer.dry_run || !is_present) return;
  const Mode wanted = command.request.mode.value_or(answer.to);
  if (present->mode != wanted || answer.to != wanted)
    fail(property::kAnswer, what + " is done, but the mode is another", 0);
  if (command.request.verb) {
    const std::vector<Mode> modes = modes_led_to(answer.from, present->diverged, *command.request.verb);
    if (modes.empty() || modes.back() != present->mode)
      fail(property::kAnswer, what + " is done, but led elsewhere", 0);
  }
  if (!answer.fenced || present->fenced_at == kNeverUs) fail(property::kFence, what + " is done, but not fenced", 0);
  check_fenced(command.service, *present);
  for (const auto& worker : context_->process->workers()) {
    if (worker->state(command.service).epoch != present->epoch)
      fail(property::kAnswer, what + " is done, but not everywhere", 0);
  }
  if (answer.persisted) check_latch(command.service, present->epoch, present->mode, false);
  if (present->acknowledged_at == kNeverUs) present->acknowledged_at = context_->schedule.now();
}

}  // namespace halfdoor
