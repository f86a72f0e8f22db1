#include "failover/change.h"

#include <catch2/catch.hpp>

#include "fixtures.h"

namespace halfdoor {
namespace {

ChangeRequest request(Verb verb, Mode to, const std::string& actor = "uid:0(root)") {
  return {.verb = verb,
          .to = to,
          .actor = actor,
          .reason = "because",
          .until = std::nullopt,
          .overrides = {},
          .now = at("2026-11-22T04:00:00.5Z")};
}

TEST_CASE("a_change_counts_the_epoch_and_keeps_where_it_came_from") {
  const LatchRecord before = make_record(Mode::closed, Mode::primary, 7);
  ChangeRequest asked = request(Verb::failover, Mode::backup_readonly);
  asked.until = at("2026-11-22T06:00:00Z");
  asked.overrides = {"backup-healthy"};
  const LatchRecord after = make_change(before, asked);
  CHECK(after.service == "salon");
  CHECK(after.from == Mode::primary);
  CHECK(after.to == Mode::backup_readonly);
  CHECK(after.epoch == 8);
  CHECK(after.time == asked.now);
  CHECK(after.side_since == asked.now);
  CHECK(after.actor == "uid:0(root)");
  CHECK(after.reason == "because");
  CHECK(after.until == asked.until);
  CHECK(after.overrides == std::vector<std::string>{"backup-healthy"});
  CHECK(after.acknowledged);
  CHECK_FALSE(after.automatic);
  CHECK_FALSE(after.last_automatic_failover);
}

TEST_CASE("the_side_is_as_old_as_its_entry_whatever_the_modes_on_it") {
  const LatchRecord before = make_record(Mode::primary, Mode::backup_readonly, 7);
  CHECK(make_change(before, request(Verb::promote, Mode::backup_writable)).side_since == before.side_since);
  CHECK(make_change(before, request(Verb::failback, Mode::primary)).side_since == at("2026-11-22T04:00:00.5Z"));
  CHECK(make_change(before, request(Verb::close, Mode::closed)).side_since == at("2026-11-22T04:00:00.5Z"));
}

TEST_CASE("a_promotion_diverges_and_only_a_completed_failback_ends_that") {
  const LatchRecord before = make_record(Mode::primary, Mode::backup_readonly, 7);
  const LatchRecord promoted = make_change(before, request(Verb::promote, Mode::backup_writable));
  CHECK(promoted.diverged);
  const LatchRecord frozen = make_change(promoted, request(Verb::freeze, Mode::backup_readonly));
  CHECK(frozen.diverged);
  CHECK(make_change(frozen, request(Verb::close, Mode::closed)).diverged);
  CHECK_FALSE(make_change(frozen, request(Verb::failback, Mode::primary)).diverged);
  LatchRecord lost = make_record(Mode::primary_readonly, Mode::primary_readonly, 9);
  lost.diverged = true;
  CHECK(make_change(lost, request(Verb::thaw, Mode::primary)).diverged);
}

TEST_CASE("the_freeze_of_a_failback_in_two_steps_does_not_end_the_divergence") {
  LatchRecord writable = make_record(Mode::backup_readonly, Mode::backup_writable, 7);
  writable.diverged = true;
  CHECK(make_change(writable, request(Verb::failback, Mode::backup_readonly)).diverged);
}

TEST_CASE("an_automatic_failover_is_remembered_until_the_next_and_waits_for_an_acknowledgement") {
  const LatchRecord before = make_record(Mode::closed, Mode::primary, 7);
  const LatchRecord failed_over = make_change(before, request(Verb::failover, Mode::backup_readonly, "automatic"));
  CHECK(failed_over.automatic);
  CHECK_FALSE(failed_over.acknowledged);
  CHECK(failed_over.last_automatic_failover == failed_over.time);
  const LatchRecord back = make_change(failed_over, request(Verb::failback, Mode::primary));
  CHECK(back.acknowledged);
  CHECK(back.last_automatic_failover == failed_over.time);
}

TEST_CASE("an_update_keeps_the_change_and_its_epoch") {
  LatchRecord before = make_record(Mode::primary, Mode::backup_readonly, 8);
  before.acknowledged = false;
  before.automatic = true;
  before.actor = "automatic";
  const LatchRecord after =
      make_update(before, {.actor = "uid:0(root)", .reason = "seen", .until = at("2026-11-22T09:00:00Z")});
  LatchRecord expected = before;
  expected.acknowledged = true;
  expected.reason = "seen";
  expected.until = at("2026-11-22T09:00:00Z");
  CHECK(after == expected);
  CHECK(make_update(before, {.actor = "uid:0(root)", .reason = {}, .until = {}}).reason == before.reason);
  CHECK_FALSE(make_update(before, {.actor = "automatic", .reason = {}, .until = {}}).acknowledged);
}

TEST_CASE("asking_again_for_what_is_so_is_not_worth_a_record") {
  LatchRecord record = make_record(Mode::primary, Mode::backup_readonly, 8);
  CHECK_FALSE(is_worth_a_record(record, {.actor = "uid:0(root)", .reason = {}, .until = {}}));
  CHECK_FALSE(is_worth_a_record(record, {.actor = "uid:0(root)", .reason = record.reason, .until = {}}));
  CHECK(is_worth_a_record(record, {.actor = "uid:0(root)", .reason = "other", .until = {}}));
  record.acknowledged = false;
  CHECK(is_worth_a_record(record, {.actor = "uid:0(root)", .reason = {}, .until = {}}));
  CHECK_FALSE(is_worth_a_record(record, {.actor = "automatic", .reason = {}, .until = {}}));
}

TEST_CASE("a_reason_is_one_line_of_valid_text_of_bounded_length") {
  CHECK(clean_text("a\nb\tc\x1b[0m\x7f", 100) == "a b c [0m ");
  CHECK(clean_text("gr\xC3\xBC\xC3\x9F", 100) == "gr\xC3\xBC\xC3\x9F");
  CHECK(clean_text("\xC2\x85x", 100) == " x");
  CHECK(clean_text("\xFF", 100) == "\xEF\xBF\xBD");
  CHECK(clean_text("\xC0\xAF", 100) == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(clean_text("\xED\xA0\x80", 100) == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(clean_text("\xF0\x9F\x92\x87", 100) == "\xF0\x9F\x92\x87");
  CHECK(clean_text("\xF0\x9F\x92", 100).size() == 9);
  CHECK(clean_text("aaa\xF0\x9F\x92\x87", 6) == "aaa");
  CHECK(clean_text(std::string(5000, 'x'), kLongestReason).size() == kLongestReason);
  CHECK(clean_text(std::string(5000, '\xFF'), kLongestReason).size() <= kLongestReason);
}

TEST_CASE("the_state_of_a_record_is_what_the_snapshot_shows") {
  LatchRecord record = make_record(Mode::primary, Mode::backup_readonly, 8);
  record.diverged = true;
  record.acknowledged = false;
  const ServiceState state = state_of(record);
  CHECK(state.mode == Mode::backup_readonly);
  CHECK(state.epoch == 8);
  CHECK(state.since == record.time);
  CHECK(state.side_since == record.side_since);
  CHECK(state.actor == record.actor);
  CHECK(state.reason == record.reason);
  CHECK(state.diverged);
  CHECK_FALSE(state.acknowledged);
  CHECK(state.mode_field == "backup-readonly; epoch=8");
}

}  // namespace
}  // namespace halfdoor
