#include "failover/journal.h"

#include <catch2/catch.hpp>
#include <mutex>
#include <nlohmann/json.hpp>

#include "failover/helper_thread.h"
#include "fixtures.h"
#include "memory_append_target.h"

namespace halfdoor {
namespace {

constexpr Milliseconds kPatience{20'000};

JournalEntry change(Mode from, Mode to, uint64_t epoch) {
  return entry_of(make_record(from, to, epoch), JournalEntry::Kind::change);
}

// Opens the journal, lets `use` work with it, and waits until all is written.
void with_journal(const std::string& folder, const std::function<void(Journal&)>& use) {
  HelperThread helper("journal");
  auto journal = Journal::open(folder, helper);
  REQUIRE(journal.ok());
  use(**journal);
  REQUIRE(helper.stop(kPatience));
}

std::vector<std::string> jsons(const Journal& journal, std::string_view service) {
  std::vector<std::string> texts;
  for (const JournalEntry& entry : journal.history(service)) texts.push_back(to_json(entry));
  return texts;
}

TEST_CASE("an_entry_has_the_fields_of_the_control_api_and_null_for_what_is_absent") {
  JournalEntry entry = change(Mode::primary, Mode::backup_readonly, 8);
  entry.reason.clear();
  const auto json = nlohmann::json::parse(to_json(entry));
  CHECK(json["epoch"] == 8);
  CHECK(json["time"] == "2026-11-22T03:04:05.678Z");
  CHECK(json["from"] == "primary");
  CHECK(json["to"] == "backup-readonly");
  CHECK(json["actor"] == "uid:0(root)");
  for (const char* absent : {"reason", "until", "fenced_ms", "writes_finished", "writes_uncertain"}) {
    INFO(absent);
    REQUIRE(json.contains(absent));
    CHECK(json[absent].is_null());
  }
  CHECK(json["overrides"] == nlohmann::json::array());
  entry.reason = "r";
  entry.until = at("2026-11-22T06:00:00Z");
  entry.overrides = {"caught-up"};
  entry.fenced_ms = 41;
  entry.writes_finished = 1;
  entry.writes_uncertain = 2;
  const auto full = nlohmann::json::parse(to_json(entry));
  CHECK(full["reason"] == "r");
  CHECK(full["until"] == "2026-11-22T06:00:00.000Z");
  CHECK(full["overrides"] == nlohmann::json::array({"caught-up"}));
  CHECK(full["fenced_ms"] == 41);
  CHECK(full["writes_finished"] == 1);
  CHECK(full["writes_uncertain"] == 2);
}

TEST_CASE("what_was_appended_is_there_at_once_and_after_a_restart") {
  const TemporaryFolder folder;
  std::vector<std::string> before;
  with_journal(folder.path(), [&before](Journal& journal) {
    CHECK(journal.history("salon").empty());
    CHECK_FALSE(journal.knowledge("salon").known);
    journal.append(change(Mode::primary, Mode::backup_readonly, 8));
    JournalEntry update = change(Mode::backup_readonly, Mode::backup_readonly, 8);
    update.kind = JournalEntry::Kind::update;
    update.reason = "still no disk \"\\\n\x01";
    update.until = at("2026-11-22T06:00:00Z");
    journal.append(update);
    JournalEntry refusal = change(Mode::backup_readonly, Mode::primary, 8);
    refusal.kind = JournalEntry::Kind::refusal;
    refusal.actor = "signal";
    refusal.rules = {{"minimum-stay", "wait another 38s"}, {"caught-up", "copy the data back"}};
    journal.append(refusal);
    journal.append_fenced("salon", 8, 41, 1, 1);
    before = jsons(journal, "salon");
  });
  REQUIRE(before.size() == 3);
  CHECK(before[0].find("\"fenced_ms\":41") != std::string::npos);
  CHECK(before[2].find("minimum-stay") != std::string::npos);
  with_journal(folder.path(), [&before](Journal& journal) {
    CHECK(jsons(journal, "salon") == before);
    CHECK(journal.skipped_lines() == 0);
    CHECK(journal.warning().empty());
    CHECK(journal.history("salon")[1].kind == JournalEntry::Kind::update);
    CHECK(journal.history("salon")[2].rules.size() == 2);
  });
}

TEST_CASE("services_have_histories_of_their_own") {
  const TemporaryFolder folder;
  with_journal(folder.path(), [](Journal& journal) {
    journal.append(change(Mode::primary, Mode::backup_readonly, 8));
    JournalEntry other = change(Mode::primary, Mode::closed, 2);
    other.service = "barber";
    journal.append(other);
    journal.append_fenced("barber", 8, 1, 1, 1);
    journal.append_fenced("nobody", 8, 1, 1, 1);
    CHECK_FALSE(journal.history("salon")[0].fenced_ms);
    CHECK_FALSE(journal.history("barber")[0].fenced_ms);
  });
  with_journal(folder.path(), [](Journal& journal) {
    CHECK(journal.history("salon").size() == 1);
    CHECK(journal.history("barber").size() == 1);
    CHECK(journal.history("nobody").empty());
    CHECK(journal.knowledge("barber").last->to == Mode::closed);
  });
}

TEST_CASE("how_a_change_was_fenced_is_told_of_that_change_alone") {
  const TemporaryFolder folder;
  const auto check = [](const Journal& journal) {
    REQUIRE(journal.history("salon").size() == 3);
    CHECK_FALSE(journal.history("salon")[0].fenced_ms);
    CHECK(journal.history("salon")[1].fenced_ms == 41);
    CHECK(journal.history("salon")[1].writes_finished == 3U);
    CHECK(journal.history("salon")[1].writes_uncertain == 1U);
    CHECK_FALSE(journal.history("salon")[2].writes_finished);
  };
  with_journal(folder.path(), [&check](Journal& journal) {
    journal.append(change(Mode::primary, Mode::primary_readonly, 7));
    journal.append(change(Mode::primary_readonly, Mode::backup_readonly, 8));
    journal.append(change(Mode::backup_readonly, Mode::closed, 9));
    journal.append_fenced("salon", 8, 41, 3, 1);
    check(journal);
  });
  with_journal(folder.path(), check);
}

TEST_CASE("only_a_change_makes_a_service_known") {
  const TemporaryFolder folder;
  with_journal(folder.path(), [](Journal& journal) {
    JournalEntry refusal = change(Mode::primary, Mode::backup_readonly, 1);
    refusal.kind = JournalEntry::Kind::refusal;
    journal.append(refusal);
    CHECK_FALSE(journal.knowledge("salon").known);
    journal.append(change(Mode::primary, Mode::backup_readonly, 2));
    CHECK(journal.knowledge("salon").known);
    CHECK(journal.knowledge("salon").last->epoch == 2);
  });
}

TEST_CASE("torn_and_unknown_lines_are_skipped_counted_and_told") {
  const TemporaryFolder folder;
  const std::string good = to_json(change(Mode::primary, Mode::backup_readonly, 8));
  const std::string path = folder / "journal.jsonl";
  write_text(path, "garbage\n" + good +
                       "\n{}\n[1]\n{\"kind\":\"other\"}\n{\"kind\":\"change\",\"service\":7}\n\xFF\xFE\n" +
                       good.substr(0, 50));
  with_journal(folder.path(), [](Journal& journal) {
    CHECK(journal.history("salon").size() == 1);
    CHECK(journal.skipped_lines() == 7);
    CHECK(journal.warning().find("7 of 8 lines") != std::string::npos);
    journal.append(change(Mode::backup_readonly, Mode::primary, 9));
  });
  with_journal(folder.path(), [](Journal& journal) { CHECK(journal.history("salon").size() == 2); });
}

TEST_CASE("a_journal_torn_at_any_byte_keeps_every_whole_line") {
  const TemporaryFolder folder;
  const std::string first = to_json(change(Mode::primary, Mode::backup_readonly, 8)) + "\n";
  const std::string second = to_json(change(Mode::backup_readonly, Mode::primary, 9)) + "\n";
  for (size_t torn = 0; torn <= second.size(); torn += 7) {
    write_text(folder / "journal.jsonl", first + second.substr(0, torn));
    with_journal(folder.path(), [torn, &second](Journal& journal) {
      CHECK(journal.history("salon").size() == (torn + 1 >= second.size() ? 2U : 1U));
      journal.append(change(Mode::primary, Mode::closed, 10));
    });
    with_journal(folder.path(), [](Journal& journal) { CHECK(journal.history("salon").back().epoch == 10); });
  }
}

TEST_CASE("the_journal_is_completed_by_the_change_that_only_the_latch_knows") {
  const TemporaryFolder folder;
  with_journal(folder.path(), [](Journal& journal) {
    journal.complete_from(make_record(Mode::primary, Mode::primary, 1));
    CHECK(journal.history("salon").empty());
    CHECK_FALSE(journal.knowledge("salon").known);
    journal.append(change(Mode::primary, Mode::backup_readonly, 8));
    journal.complete_from(make_record(Mode::primary, Mode::backup_readonly, 8));
    CHECK(journal.history("salon").size() == 1);
    journal.complete_from(make_record(Mode::backup_readonly, Mode::primary, 9));
    CHECK(journal.history("salon").size() == 2);
  });
  with_journal(folder.path(), [](Journal& journal) {
    REQUIRE(journal.history("salon").size() == 2);
    CHECK(journal.history("salon").back().to == Mode::primary);
    CHECK(journal.history("salon").back().actor == "uid:0(root)");
  });
}

TEST_CASE("memory_keeps_the_newest_changes_and_still_knows_the_last") {
  const TemporaryFolder folder;
  with_journal(folder.path(), [](Journal& journal) {
    for (uint64_t epoch = 2; epoch < kHistoryKept + 12; ++epoch) {
      journal.append(change(Mode::primary, Mode::primary_readonly, epoch));
    }
    CHECK(journal.history("salon").size() == kHistoryKept);
  });
  with_journal(folder.path(), [](Journal& journal) {
    CHECK(journal.history("salon").size() == kHistoryKept);
    CHECK(journal.history("salon").front().epoch == 12);
    CHECK(journal.knowledge("salon").last->epoch == kHistoryKept + 11);
  });
}

TEST_CASE("lines_that_a_full_disk_did_not_take_go_out_before_the_next") {
  const auto memory = std::make_shared<MemoryLines>();
  memory->room = 10;
  std::mutex mutex;
  std::vector<std::string> troubles;
  HelperThread helper("journal");
  Journal journal(make_append_file(memory), helper, [&](std::string trouble) {
    const std::lock_guard lock(mutex);
    troubles.push_back(std::move(trouble));
  });
  journal.append(change(Mode::primary, Mode::backup_readonly, 8));
  journal.append_fenced("salon", 8, 41, 1, 0);
  CHECK(journal.history("salon").size() == 1);
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return troubles.size() == 1;
  }));
  {
    const std::lock_guard lock(memory->mutex);
    memory->room.reset();
  }
  journal.append(change(Mode::backup_readonly, Mode::primary, 9));
  REQUIRE(helper.stop(kPatience));
  REQUIRE(troubles.size() == 2);
  CHECK(troubles[0].find("No space left on device") != std::string::npos);
  CHECK(troubles[1].empty());
  const TemporaryFolder folder;
  write_text(folder / "journal.jsonl", memory->text);
  with_journal(folder.path(), [](Journal& read_back) {
    REQUIRE(read_back.history("salon").size() == 2);
    CHECK(read_back.history("salon")[0].fenced_ms == 41);
    CHECK(read_back.history("salon")[1].epoch == 9);
    CHECK(read_back.skipped_lines() == 0);
  });
}

TEST_CASE("an_epoch_from_which_nothing_could_be_counted_is_not_understood") {
  const TemporaryFolder folder;
  JournalEntry entry = change(Mode::primary, Mode::closed, 7);
  std::string lines = to_json(entry) + "\n";
  for (const uint64_t epoch : {kHighestEpoch + 1, UINT64_MAX}) {
    entry.epoch = epoch;
    lines += to_json(entry) + "\n";
  }
  write_text(folder / "journal.jsonl", lines);
  with_journal(folder.path(), [](Journal& journal) {
    CHECK(journal.skipped_lines() == 2);
    CHECK_FALSE(journal.warning().empty());
    CHECK(journal.knowledge("salon").last->epoch == 7);
  });
}

}  // namespace
}  // namespace halfdoor
