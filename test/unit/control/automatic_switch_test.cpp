// What a service does by itself: failover and failback without an operator, and what an operator's word does to them.
#include <catch2/catch.hpp>

#include "fake_switch.h"

namespace halfdoor {
namespace {

constexpr Milliseconds kSecond{1'000};

std::shared_ptr<Config> automatic_config(bool failover = true, bool failback = false) {
  std::shared_ptr<Config> config = make_config({"salon"});
  config->services[0].failover.automatic = failover;
  config->services[0].failback.automatic = failback;
  return config;
}

struct AutomaticSwitch : FakeSwitch {
  explicit AutomaticSwitch(
      std::shared_ptr<Config> made = automatic_config(), Mode mode = Mode::primary,
      const std::function<void(LatchRecord&)>& edit = [](LatchRecord&) {})
      : FakeSwitch(mode, 2, std::move(made), edit) {
    see(Side::backup, true);
  }

  void see(Side side, std::optional<bool> healthy, const std::string& detail = "10.0.0.10:8080: connection refused") {
    SideHealth& seen = health[{0, side}];
    if (seen.healthy != healthy) seen.since = time;
    seen.healthy = healthy;
    seen.detail = detail;
    coordinator->on_health_changed(0);
  }
  // Disk and workers do their part whenever they are asked, while time passes.
  void live(Milliseconds span, Milliseconds step = Milliseconds(500)) {
    for (Milliseconds passed{0}; passed < span; passed += step) {
      pass(step);
      settle();
    }
  }
  void settle() {
    while (!latch_jobs.empty()) {
      sync();
      apply_all();
      fence_all();
    }
    while (!questions.empty()) {
      const auto ask_primary = questions.front();
      questions.pop_front();
      ++questions_asked;
      ask_primary({caught_up, "404 from 10.0.0.10:8080"});
    }
    if (!latch_jobs.empty()) settle();
  }
  size_t refusals_told() const {
    return static_cast<size_t>(std::count_if(entries.begin(), entries.end(), [](const JournalEntry& entry) {
      return entry.kind == JournalEntry::Kind::refusal;
    }));
  }
  Mode mode() const { return service().record().to; }

  bool caught_up = true;
  int questions_asked = 0;
};

TEST_CASE("a_primary_that_is_down_for_so_long_is_left_and_history_says_why") {
  AutomaticSwitch fake;
  fake.see(Side::primary, true);
  fake.live(10 * kSecond);
  fake.see(Side::primary, false);
  fake.pass(Milliseconds(2'999));
  CHECK(fake.latch_jobs.empty());
  fake.pass(Milliseconds(1));
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.settle();
  const LatchRecord& record = fake.service().record();
  CHECK(record.to == Mode::backup_readonly);
  CHECK(record.actor == "automatic");
  CHECK(record.reason == "10.0.0.10:8080: connection refused for 3.0 s");
  CHECK_FALSE(record.acknowledged);
  CHECK(record.last_automatic_failover == record.time);
  CHECK(fake.entries.back().actor == "automatic");
  CHECK(fake.entries.back().reason == record.reason);
}

TEST_CASE("a_primary_that_comes_back_in_time_is_kept") {
  AutomaticSwitch fake;
  for (int i = 0; i < 20; ++i) {
    fake.see(Side::primary, false);
    fake.live(Milliseconds(2'500));
    fake.see(Side::primary, true);
    fake.live(Milliseconds(500));
  }
  CHECK(fake.mode() == Mode::primary);
  CHECK(fake.entries.empty());
}

TEST_CASE("both_down_stays_and_is_told_once_and_the_backup_is_taken_when_it_is_up_for_so_long") {
  AutomaticSwitch fake;
  fake.see(Side::primary, false);
  fake.see(Side::backup, false, "10.9.0.10:8080: no answer within 500ms");
  fake.live(std::chrono::hours(3), 5 * kSecond);
  CHECK(fake.mode() == Mode::primary);
  REQUIRE(fake.refusals_told() == 1);
  CHECK(fake.entries[0].actor == "automatic");
  CHECK(fake.entries[0].to == Mode::backup_readonly);
  CHECK(fake.entries[0].rules.at(0).rule == "backup-healthy");
  CHECK(fake.announced == std::vector<std::string>{"refused"});
  fake.see(Side::backup, true);
  fake.live(Milliseconds(2'500));
  CHECK(fake.mode() == Mode::primary);
  fake.live(kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
}

TEST_CASE("during_the_cooldown_nothing_is_left_and_a_primary_that_flaps_does_not_flood_the_history") {
  AutomaticSwitch fake;
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  REQUIRE(fake.mode() == Mode::backup_readonly);
  fake.see(Side::primary, true);
  fake.ask(Verb::failback, Milliseconds(30'000), {Guard::minimum_stay});
  fake.settle();
  REQUIRE(fake.mode() == Mode::primary);
  // 9 minutes and more of a primary that comes and goes.
  for (int i = 0; i < 55; ++i) {
    fake.see(Side::primary, false);
    fake.live(6 * kSecond);
    fake.see(Side::primary, true);
    fake.live(4 * kSecond);
  }
  CHECK(fake.mode() == Mode::primary);
  CHECK(fake.refusals_told() == 1);
  CHECK(fake.entries.back().rules.at(0).rule == "cooldown");
  fake.see(Side::primary, false);
  fake.live(60 * kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
  CHECK(fake.refusals_told() == 1);
}

TEST_CASE("the_cooldown_survives_a_restart_and_a_wall_clock_that_is_set_back_counts_as_no_time") {
  const auto failed_over_before = [](Milliseconds ago) {
    return [ago](LatchRecord& record) {
      const WallTime start = WallTime{} + std::chrono::hours(24 * 365 * 50);
      record.last_automatic_failover = start - ago;
    };
  };
  const auto down_for = [](AutomaticSwitch& fake, Milliseconds span) {
    fake.see(Side::primary, false);
    fake.live(span);
    return fake.mode();
  };
  AutomaticSwitch recent(automatic_config(), Mode::primary, failed_over_before(Milliseconds(580'000)));
  CHECK(down_for(recent, 19 * kSecond) == Mode::primary);
  recent.live(2 * kSecond);
  CHECK(recent.mode() == Mode::backup_readonly);
  AutomaticSwitch old(automatic_config(), Mode::primary, failed_over_before(Milliseconds(600'000)));
  CHECK(down_for(old, 4 * kSecond) == Mode::backup_readonly);
  AutomaticSwitch future(automatic_config(), Mode::primary, failed_over_before(std::chrono::hours(-5)));
  CHECK(down_for(future, 599 * kSecond) == Mode::primary);
  future.live(2 * kSecond);
  CHECK(future.mode() == Mode::backup_readonly);
  // While the process lives, the wall clock is not asked.
  AutomaticSwitch jumping(automatic_config(), Mode::primary, failed_over_before(Milliseconds(0)));
  jumping.wall += std::chrono::hours(48);
  CHECK(down_for(jumping, 590 * kSecond) == Mode::primary);
}

TEST_CASE("one_that_an_operator_brought_to_a_primary_against_its_checks_stays_until_they_agree") {
  AutomaticSwitch fake;
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  REQUIRE(fake.mode() == Mode::backup_readonly);
  fake.live(std::chrono::minutes(11), 5 * kSecond);
  fake.ask(Verb::failback, Milliseconds(30'000), {Guard::primary_healthy});
  fake.settle();
  REQUIRE(fake.mode() == Mode::primary);
  fake.live(std::chrono::minutes(30), 5 * kSecond);
  CHECK(fake.mode() == Mode::primary);
  fake.see(Side::primary, true);
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
}

TEST_CASE("what_the_checks_saw_in_another_mode_does_not_count") {
  AutomaticSwitch fake(automatic_config(), Mode::primary_readonly);
  fake.see(Side::primary, false);
  fake.live(60 * kSecond);
  fake.ask(Verb::thaw);
  fake.settle();
  fake.live(Milliseconds(2'500));
  CHECK(fake.mode() == Mode::primary);
  fake.live(kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
}

TEST_CASE("a_process_that_slept_looks_again_before_it_decides") {
  AutomaticSwitch fake;
  fake.see(Side::primary, false);
  fake.pass(Milliseconds(500));
  fake.time += std::chrono::minutes(10);
  fake.coordinator->on_time();
  CHECK(fake.latch_jobs.empty());
  fake.see(Side::primary, true);
  fake.live(10 * kSecond);
  CHECK(fake.mode() == Mode::primary);
}

TEST_CASE("a_change_in_progress_is_not_interfered_with") {
  AutomaticSwitch fake;
  fake.see(Side::primary, false);
  fake.pass(Milliseconds(2'900));
  const size_t freeze = fake.ask(Verb::freeze);
  fake.pass(Milliseconds(200));
  CHECK(fake.latch_jobs.size() == 1);
  fake.settle();
  CHECK(fake.answer(freeze).kind == Kind::done);
  fake.live(60 * kSecond);
  CHECK(fake.mode() == Mode::primary_readonly);
}

TEST_CASE("an_automatic_failback_undoes_an_automatic_failover") {
  AutomaticSwitch fake(automatic_config(true, true));
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  REQUIRE(fake.mode() == Mode::backup_readonly);
  fake.live(50 * kSecond);
  fake.see(Side::primary, true);
  fake.live(29 * kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
  fake.live(2 * kSecond);
  REQUIRE(fake.mode() == Mode::primary);
  CHECK(fake.service().record().actor == "automatic");
  CHECK(fake.service().record().epoch == 3);
}

TEST_CASE("an_automatic_failback_waits_for_the_minimum_stay") {
  AutomaticSwitch fake(automatic_config(true, true));
  fake.see(Side::primary, false);
  fake.live(3 * kSecond);
  REQUIRE(fake.mode() == Mode::backup_readonly);
  fake.see(Side::primary, true);
  fake.live(59 * kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
  fake.live(2 * kSecond);
  CHECK(fake.mode() == Mode::primary);
  CHECK(fake.refusals_told() == 0);
}

TEST_CASE("an_operator_who_acknowledges_an_automatic_failover_makes_it_their_own") {
  AutomaticSwitch fake(automatic_config(true, true));
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  REQUIRE(fake.mode() == Mode::backup_readonly);
  const size_t acknowledge = fake.ask(Verb::failover);
  fake.settle();
  CHECK(fake.answer(acknowledge).kind == Kind::done);
  CHECK(fake.service().record().acknowledged);
  fake.see(Side::primary, true);
  fake.live(std::chrono::hours(2), 5 * kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
}

TEST_CASE("a_primary_that_has_not_caught_up_is_asked_now_and_then_and_its_refusal_is_told_once") {
  std::shared_ptr<Config> config = automatic_config(true, true);
  config->services[0].failback.caught_up = "/caught-up";
  AutomaticSwitch fake(config);
  fake.caught_up = false;
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  fake.see(Side::primary, true);
  fake.live(160 * kSecond);
  CHECK(fake.mode() == Mode::backup_readonly);
  CHECK(fake.questions_asked >= 9);
  CHECK(fake.questions_asked <= 11);
  CHECK(fake.refusals_told() == 1);
  CHECK(fake.entries.back().rules.at(0).rule == "caught-up");
  fake.caught_up = true;
  fake.live(11 * kSecond);
  CHECK(fake.mode() == Mode::primary);
}

TEST_CASE("an_automatic_failback_whose_record_the_disk_does_not_take_is_refused_and_tried_again") {
  AutomaticSwitch fake(automatic_config(true, true));
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  fake.see(Side::primary, true);
  fake.pass(60 * kSecond);
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.fail_sync("No space left on device");
  CHECK(fake.mode() == Mode::backup_readonly);
  CHECK(fake.entries.back().rules.at(0).rule == "not-persisted");
  fake.pass(9 * kSecond);
  CHECK(fake.latch_jobs.empty());
  fake.pass(2 * kSecond);
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.settle();
  CHECK(fake.mode() == Mode::primary);
}

TEST_CASE("an_automatic_failback_that_waited_for_the_disk_does_not_go_to_a_primary_that_went_down_meanwhile") {
  AutomaticSwitch fake(automatic_config(true, true));
  fake.see(Side::primary, false);
  fake.live(4 * kSecond);
  fake.see(Side::primary, true);
  fake.pass(60 * kSecond);
  REQUIRE(fake.latch_jobs.size() == 1);
  fake.see(Side::primary, false);
  fake.finish_latch(true, "");
  CHECK(fake.mode() == Mode::backup_readonly);
  CHECK(fake.entries.back().rules.at(0).rule == "primary-healthy");
  // The refused record stands in the file, and must not stay there.
  REQUIRE(fake.latch_jobs.size() == 1);
  CHECK(fake.latch_jobs.begin()->second.record == fake.service().record());
}

// I9, over every start: an hour in which nobody says anything.
TEST_CASE("nothing_moves_by_itself_but_what_the_configuration_says") {
  const std::optional<bool> healths[] = {std::nullopt, true, false};
  const std::optional<Milliseconds> failovers_ago[] = {std::nullopt, Milliseconds(0), Milliseconds(700'000)};
  int moved = 0;
  for (const Mode mode : kModes) {
    for (unsigned bits = 0; bits < 32; ++bits) {
      const bool failover = (bits & 1U) != 0, failback = (bits & 2U) != 0, diverged = (bits & 4U) != 0;
      const bool acknowledged = (bits & 8U) != 0, automatic = (bits & 16U) != 0;
      for (const auto& primary : healths) {
        for (const auto& backup : healths) {
          for (const auto& ago : failovers_ago) {
            AutomaticSwitch fake(automatic_config(failover, failback), mode, [&](LatchRecord& record) {
              record.time = WallTime{} + std::chrono::hours(24 * 365 * 50);
              record.diverged = diverged;
              record.acknowledged = acknowledged;
              record.automatic = automatic;
              if (ago) record.last_automatic_failover = record.time - *ago;
            });
            fake.see(Side::primary, primary);
            fake.see(Side::backup, backup);
            fake.live(std::chrono::minutes(9), 60 * kSecond);
            const bool cooling = ago == Milliseconds(0);
            const bool undoes = automatic && !acknowledged && cooling && !diverged;
            Mode expected = mode;
            if (mode == Mode::primary && failover && primary == false && backup == true && !cooling) {
              expected = Mode::backup_readonly;
            }
            if (mode == Mode::backup_readonly && failback && primary == true && undoes) expected = Mode::primary;
            moved += expected != mode ? 1 : 0;
            if (fake.mode() != expected) {
              FAIL("from " << to_text(mode) << " to " << to_text(fake.mode()) << " instead of " << to_text(expected)
                           << ", bits " << bits);
            }
          }
        }
      }
    }
  }
  CHECK(moved > 0);
}

}  // namespace
}  // namespace halfdoor
