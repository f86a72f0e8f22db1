#include "failover/start_state.h"

#include <catch2/catch.hpp>

#include "fixtures.h"

namespace halfdoor {
namespace {

const WallTime kNow = at("2026-11-23T00:00:00Z");

LatchReading valid(const LatchRecord& record) { return {LatchKind::valid, record, 0, {}}; }
LatchReading bad(LatchKind kind) { return {kind, {}, 0, "it is no good"}; }

JournalKnowledge journal(Mode to, uint64_t epoch, bool diverged = false) {
  JournalEntry entry = entry_of(make_record(Mode::primary, to, epoch), JournalEntry::Kind::change);
  entry.diverged = diverged;
  return {true, entry};
}

const JournalKnowledge kNothing{};

void check_loud(const StartState& start, uint64_t epoch) {
  CHECK(start.must_persist);
  REQUIRE(start.warnings.size() == 1);
  CHECK(start.warnings[0].find("salon: ") == 0);
  CHECK_FALSE(start.record.acknowledged);
  CHECK(start.record.epoch == epoch);
  CHECK(start.record.service == "salon");
}

TEST_CASE("a_valid_latch_is_the_mode_of_the_start") {
  for (const Mode mode : kModes) {
    for (const JournalKnowledge& known : {kNothing, journal(Mode::closed, 7), journal(mode, 8)}) {
      const LatchRecord record = make_record(Mode::primary, mode, 8);
      const StartState start = start_state("salon", Mode::closed, valid(record), known, kNow);
      CHECK(start.record == record);
      CHECK(start.warnings.empty());
      CHECK_FALSE(start.must_persist);
    }
  }
}

LatchReading begun(const LatchRecord& before, const LatchRecord& change) {
  LatchReading reading = valid(before);
  reading.unconfirmed = change;
  return reading;
}

TEST_CASE("a_change_that_was_not_confirmed_leaves_the_mode_before_it_in_a_new_epoch_loudly") {
  LatchRecord before = make_record(Mode::primary, Mode::backup_readonly, 8);
  before.side_since = at("2026-11-20T00:00:00Z");
  before.last_automatic_failover = before.time;
  before.diverged = true;
  LatchRecord change = make_record(Mode::backup_readonly, Mode::primary, 9);
  change.diverged_before = true;
  change.last_automatic_failover = before.time;
  for (const JournalKnowledge& known : {kNothing, journal(Mode::backup_readonly, 8), journal(Mode::primary, 9)}) {
    const StartState start = start_state("salon", Mode::primary, begun(before, change), known, kNow);
    check_loud(start, 10);
    CHECK(start.record.to == Mode::backup_readonly);
    CHECK(start.record.from == (known.last && known.last->epoch == 9 ? Mode::primary : Mode::backup_readonly));
    CHECK(start.record.diverged);
    CHECK(start.record.side_since == before.side_since);
    CHECK(start.record.last_automatic_failover == before.last_automatic_failover);
    CHECK_FALSE(is_automatic_failover(start.record));
    CHECK(start.warnings[0].find("not confirmed") != std::string::npos);
  }
}

TEST_CASE("without_the_record_before_it_an_unconfirmed_change_says_where_it_began") {
  const LatchRecord stale = make_record(Mode::closed, Mode::primary, 7);
  LatchRecord change = make_record(Mode::primary_readonly, Mode::primary, 9);
  change.diverged_before = true;
  LatchReading alone{LatchKind::unconfirmed, {}, 0, "it is no good"};
  alone.unconfirmed = change;
  for (const LatchReading& reading : {begun(stale, change), alone}) {
    const StartState start = start_state("salon", Mode::primary, reading, kNothing, kNow);
    check_loud(start, 10);
    CHECK(start.record.to == Mode::primary_readonly);
    CHECK(start.record.diverged);
  }
}

TEST_CASE("a_journal_that_knows_more_than_an_unconfirmed_change_is_believed") {
  const LatchRecord before = make_record(Mode::primary, Mode::primary_readonly, 8);
  const LatchRecord change = make_record(Mode::primary_readonly, Mode::primary, 9);
  const StartState start = start_state("salon", Mode::primary, begun(before, change), journal(Mode::closed, 10), kNow);
  check_loud(start, 10);
  CHECK(start.record.to == Mode::closed);
}

TEST_CASE("a_service_that_never_had_a_latch_starts_in_fresh_mode") {
  for (const Mode fresh : kModes) {
    const StartState start = start_state("salon", fresh, {}, kNothing, kNow);
    CHECK(start.record.to == fresh);
    CHECK(start.record.from == fresh);
    CHECK(start.record.epoch == 1);
    CHECK(start.record.time == kNow);
    CHECK(start.record.acknowledged);
    CHECK_FALSE(start.record.diverged);
    CHECK(start.warnings.empty());
    CHECK(start.must_persist);
  }
}

TEST_CASE("a_lost_or_useless_latch_starts_in_primary_readonly_loudly_whatever_the_fresh_mode") {
  for (const Mode fresh : kModes) {
    for (const LatchKind kind : {LatchKind::corrupt, LatchKind::newer_version, LatchKind::unreadable}) {
      const StartState unknown = start_state("salon", fresh, bad(kind), kNothing, kNow);
      CHECK(unknown.record.to == Mode::primary_readonly);
      check_loud(unknown, 1);
      CHECK(unknown.warnings[0].find("it is no good") != std::string::npos);
    }
    for (const LatchKind kind :
         {LatchKind::missing, LatchKind::corrupt, LatchKind::newer_version, LatchKind::unreadable}) {
      for (const Mode last : kModes) {
        const StartState start = start_state("salon", fresh, bad(kind), journal(last, 41), kNow);
        CHECK(start.record.to == Mode::primary_readonly);
        CHECK(start.record.from == last);
        check_loud(start, 42);
      }
    }
  }
}

TEST_CASE("the_journal_remembers_a_divergence_that_the_latch_lost") {
  CHECK(start_state("salon", Mode::primary, {}, journal(Mode::backup_writable, 9, true), kNow).record.diverged);
  CHECK_FALSE(start_state("salon", Mode::primary, {}, journal(Mode::backup_readonly, 9), kNow).record.diverged);
}

TEST_CASE("the_latch_of_another_service_starts_in_primary_readonly_loudly") {
  LatchRecord record = make_record(Mode::primary, Mode::primary, 12);
  record.service = "barber";
  const StartState start = start_state("salon", Mode::primary, valid(record), kNothing, kNow);
  CHECK(start.record.to == Mode::primary_readonly);
  check_loud(start, 13);
  CHECK(start.warnings[0].find("\"barber\"") != std::string::npos);
  check_loud(start_state("salon", Mode::primary, valid(record), journal(Mode::primary, 20), kNow), 21);
}

TEST_CASE("a_change_that_only_the_journal_knows_counts_as_far_as_it_takes_no_writes") {
  const LatchReading latch = valid(make_record(Mode::closed, Mode::primary, 7));
  SECTION("it took no writes: it is the mode") {
    for (const Mode mode : {Mode::primary_readonly, Mode::backup_readonly, Mode::closed}) {
      const StartState start = start_state("salon", Mode::primary, latch, journal(mode, 8, true), kNow);
      CHECK(start.record.to == mode);
      CHECK(start.record.diverged);
      check_loud(start, 8);
    }
  }
  SECTION("it took writes: the same side without them") {
    const StartState primary = start_state("salon", Mode::primary, latch, journal(Mode::primary, 8), kNow);
    CHECK(primary.record.to == Mode::primary_readonly);
    check_loud(primary, 9);
    const StartState backup = start_state("salon", Mode::primary, latch, journal(Mode::backup_writable, 8, true), kNow);
    CHECK(backup.record.to == Mode::backup_readonly);
    CHECK(backup.record.diverged);
    check_loud(backup, 9);
  }
}

TEST_CASE("no_start_is_more_permissive_than_what_latch_and_journal_know") {
  for (const Mode latched : kModes) {
    for (const Mode journalled : kModes) {
      for (const uint64_t epoch : {6, 7, 8}) {
        const StartState start = start_state("salon", Mode::primary, valid(make_record(Mode::primary, latched, 7)),
                                             journal(journalled, epoch), kNow);
        INFO(to_text(latched) << " " << to_text(journalled) << " " << epoch);
        CHECK(start.record.epoch >= std::max<uint64_t>(7, epoch));
        if (epoch <= 7) CHECK(start.record.to == latched);
        if (epoch > 7) CHECK_FALSE(writes_pass(start.record.to));
      }
    }
  }
}

TEST_CASE("a_torn_slot_is_told_at_the_start") {
  LatchReading reading = valid(make_record(Mode::primary, Mode::closed, 7));
  reading.problem = "one slot is torn, the other one counts";
  const StartState start = start_state("salon", Mode::primary, reading, kNothing, kNow);
  CHECK(start.record.to == Mode::closed);
  CHECK(start.warnings.size() == 1);
  CHECK_FALSE(start.must_persist);
}

}  // namespace
}  // namespace halfdoor
