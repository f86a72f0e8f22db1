#include "failover/start_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace halfdoor {

namespace {

LatchRecord first_record(std::string_view service, Mode fresh_mode, WallTime now) {
  LatchRecord record;
  record.service = service;
  record.from = fresh_mode;
  record.to = fresh_mode;
  record.epoch = 1;
  record.time = whole_ms(now);
  record.side_since = record.time;
  record.actor = kActorAutomatic;
  record.reason = "first start";
  return record;
}

// A record of a mode without writes that nobody asked for.
LatchRecord cautious_record(std::string_view service, Mode from, Mode to, uint64_t epoch, bool diverged, WallTime now) {
  LatchRecord record = first_record(service, to, now);
  record.from = from;
  record.epoch = epoch;
  record.diverged = diverged;
  record.acknowledged = false;
  record.automatic = true;
  return record;
}

Mode without_writes(Mode mode) {
  if (!writes_pass(mode)) return mode;
  return mode == Mode::primary ? Mode::primary_readonly : Mode::backup_readonly;
}

StartState start_read_only(std::string_view service, const std::string& problem, const LatchReading& reading,
                           const JournalKnowledge& journal, WallTime now) {
  uint64_t epoch = journal.last ? journal.last->epoch : 0;
  if (reading.kind == LatchKind::valid) epoch = std::max(epoch, reading.record.epoch);
  const Mode from = journal.last ? journal.last->to : Mode::primary_readonly;
  const bool diverged =
      (journal.last && journal.last->diverged) || (reading.kind == LatchKind::valid && reading.record.diverged);
  StartState start;
  start.record = cautious_record(service, from, Mode::primary_readonly, epoch + 1, diverged, now);
  start.record.reason = clean_text(problem, kLongestReason);
  start.must_persist = true;
  std::string known =
      "the journal knows no change of this service: if the backup may have been promoted, compare the "
      "two hosts first";
  if (journal.last) {
    known = fmt::format("the journal says it was {} (epoch {}, {})", to_text(journal.last->to), journal.last->epoch,
                        format_rfc3339(journal.last->time));
  }
  start.warnings.push_back(
      fmt::format("{}: {}; starting in primary-readonly until an operator decides: {}; then "
                  "halfdoor thaw {} or halfdoor failover {}",
                  service, problem, known, service, service));
  return start;
}

StartState start_from_journal(std::string_view service, const LatchReading& reading, const JournalEntry& last,
                              WallTime now) {
  StartState start;
  start.must_persist = true;
  const Mode mode = without_writes(last.to);
  if (mode == last.to) {
    start.record = first_record(service, last.to, last.time);
    start.record.from = last.from;
    start.record.epoch = last.epoch;
    start.record.actor = last.actor;
    start.record.reason = last.reason;
    start.record.until = last.until;
    start.record.overrides = last.overrides;
    start.record.diverged = last.diverged;
    start.record.automatic = last.actor == kActorAutomatic;
  } else {
    start.record = cautious_record(service, last.to, mode, last.epoch + 1, last.diverged, now);
    start.record.reason = "the latch is older than the journal";
  }
  start.record.acknowledged = false;
  const bool was_automatic_failover = last.actor == kActorAutomatic && last.from == Mode::primary;
  start.record.last_automatic_failover =
      was_automatic_failover ? std::optional<WallTime>(last.time) : reading.record.last_automatic_failover;
  start.warnings.push_back(fmt::format(
      "{}: the latch stands at epoch {} ({}), but the journal knows epoch {} ({}): the "
      "change was not persisted, or an old latch was put back; starting in {}",
      service, reading.record.epoch, to_text(reading.record.to), last.epoch, to_text(last.to), to_text(mode)));
  return start;
}

// The change may have been in force for a moment, but its caller was not told so: as if it had never been, but for the
// epoch, which was perhaps seen.
StartState start_before_change(std::string_view service, const LatchReading& reading, const JournalKnowledge& journal,
                               WallTime now) {
  const LatchRecord& begun = *reading.unconfirmed;
  const LatchRecord& before = reading.record;
  const bool is_known = reading.kind == LatchKind::valid && before.service == service &&
                        before.epoch + 1 == begun.epoch && before.to == begun.from;
  const bool was_in_force = journal.last && journal.last->epoch == begun.epoch;
  const bool was_diverged = before.diverged || (!is_known && begun.diverged_before);
  StartState start;
  start.must_persist = true;
  const Mode mode = is_known ? before.to : without_writes(begun.from);
  start.record =
      cautious_record(service, was_in_force ? begun.to : mode, mode, begun.epoch + 1, was_diverged, now);
  start.record.reason = fmt::format("the change to {} was not confirmed before halfdoor ended", to_text(begun.to));
  start.record.last_automatic_failover = begun.last_automatic_failover;
  if (is_known) {
    start.record.side_since = before.side_since;
    start.record.until = before.until;
  }
  start.warnings.push_back(
      fmt::format("{}: the change {} -> {} (epoch {}) was begun, but not confirmed before halfdoor ended: starting in "
                  "{}, as before; ask for it again if it is still wanted",
                  service, to_text(begun.from), to_text(begun.to), begun.epoch, to_text(mode)));
  return start;
}

}  // namespace

StartState start_state(std::string_view service, Mode fresh_mode, const LatchReading& reading,
                       const JournalKnowledge& journal, WallTime now) {
  const bool was_begun = reading.unconfirmed && reading.unconfirmed->service == service;
  if (was_begun && (!journal.last || journal.last->epoch <= reading.unconfirmed->epoch)) {
    return start_before_change(service, reading, journal, now);
  }
  switch (reading.kind) {
    case LatchKind::missing:
      if (journal.known) {
        return start_read_only(service, "the latch is missing, though the journal knows the service", reading, journal,
                               now);
      }
      return {first_record(service, fresh_mode, now), {}, true};
    case LatchKind::unconfirmed:
    case LatchKind::corrupt:
      return start_read_only(service, "the latch is damaged: " + reading.problem, reading, journal, now);
    case LatchKind::newer_version:
      return start_read_only(service, "the latch cannot be understood: " + reading.problem, reading, journal, now);
    case LatchKind::unreadable:
      return start_read_only(service, "the latch cannot be read: " + reading.problem, reading, journal, now);
    case LatchKind::valid: break;
  }
  if (reading.record.service != service) {
    return start_read_only(service, fmt::format("the latch is that of service \"{}\"", reading.record.service), reading,
                           journal, now);
  }
  if (journal.last && journal.last->epoch > reading.record.epoch) {
    return start_from_journal(service, reading, *journal.last, now);
  }
  StartState start{reading.record, {}, false};
  if (!reading.problem.empty()) start.warnings.push_back(fmt::format("{}: latch: {}", service, reading.problem));
  return start;
}

}  // namespace halfdoor
