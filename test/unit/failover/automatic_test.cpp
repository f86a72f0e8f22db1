// The automatic, by an oracle that says the same in another way, over every combination of what it looks at.
#include "failover/automatic.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace halfdoor {
namespace {

constexpr Milliseconds kSecond{1'000};
constexpr Milliseconds kMinute{60'000};

FailoverConfig failover_config(bool automatic) {
  FailoverConfig config;
  config.automatic = automatic;
  config.after = 3 * kSecond;
  config.cooldown = 10 * kMinute;
  return config;
}
FailbackConfig failback_config(bool automatic) {
  FailbackConfig config;
  config.automatic = automatic;
  config.healthy_for = 30 * kSecond;
  config.minimum_stay = kMinute;
  return config;
}

// In which a failover is due.
AutomaticFacts primary_down() {
  AutomaticFacts facts;
  facts.mode = Mode::primary;
  facts.guards.service = "salon";
  facts.guards.is_automatic = true;
  facts.guards.cooldown = 10 * kMinute;
  facts.guards.minimum_stay = kMinute;
  facts.guards.primary_healthy = false;
  facts.guards.primary_detail = "10.0.0.10:8080: connection refused";
  facts.guards.backup_healthy = true;
  facts.primary_for = 3 * kSecond;
  facts.backup_for = 3 * kSecond;
  return facts;
}

// In which a failback is due.
AutomaticFacts primary_back() {
  AutomaticFacts facts = primary_down();
  facts.mode = Mode::backup_readonly;
  facts.guards.primary_healthy = true;
  facts.guards.entered_automatically = true;
  facts.guards.on_side_for = kMinute;
  facts.primary_for = 30 * kSecond;
  return facts;
}

// "failover", "failback", "refused RULE RULE", "wait MS", "-"; both parts where something is refused for a time.
std::string outcome(const AutomaticDecision& decision) {
  if (decision.verb) return std::string(to_text(*decision.verb));
  std::string text;
  for (const GuardResult& refusal : decision.refused.refusals()) text += fmt::format(" {}", to_text(refusal.rule));
  if (!text.empty()) text = "refused" + text;
  if (decision.again_in) text += fmt::format("{}wait {}", text.empty() ? "" : ", ", decision.again_in->count());
  return text.empty() ? "-" : text;
}
std::string outcome(const AutomaticFacts& facts, bool failover = true, bool failback = true) {
  return outcome(decide(facts, failover_config(failover), failback_config(failback)));
}

std::string expected_failover(const AutomaticFacts& facts) {
  const bool down = facts.guards.primary_healthy == false;
  const bool backup_up = facts.guards.backup_healthy == true;
  if (!down || facts.primary_is_trusted) return "-";
  if (facts.primary_for < 3 * kSecond) return fmt::format("wait {}", 3'000 - facts.primary_for.count());
  if (backup_up && facts.backup_for < 3 * kSecond) return fmt::format("wait {}", 3'000 - facts.backup_for.count());
  const auto since = facts.guards.since_automatic_failover;
  const bool cooling = since && *since < 10 * kMinute;
  if (backup_up && !cooling) return "failover";
  std::string text = backup_up ? "refused" : "refused backup-healthy";
  if (cooling) text += fmt::format(" cooldown, wait {}", 600'000 - since->count());
  return text;
}

std::string expected_failback(const AutomaticFacts& facts) {
  const GuardFacts& guards = facts.guards;
  if (!guards.entered_automatically || guards.diverged || guards.primary_healthy != true || !guards.fenced) return "-";
  int64_t wait = 30'000 - facts.primary_for.count();
  wait = std::max<int64_t>(wait, 60'000 - guards.on_side_for.count());
  if (facts.since_refused_failback) wait = std::max<int64_t>(wait, 10'000 - facts.since_refused_failback->count());
  return wait > 0 ? fmt::format("wait {}", wait) : "failback";
}

TEST_CASE("the_automatic_decides_every_combination_as_the_table_says") {
  const std::optional<bool> healths[] = {std::nullopt, true, false};
  const Milliseconds primary_ages[] = {Milliseconds(0), Milliseconds(2'999), 3 * kSecond, 30 * kSecond};
  const Milliseconds backup_ages[] = {Milliseconds(2'999), 3 * kSecond};
  const std::optional<Milliseconds> cooldowns[] = {std::nullopt, Milliseconds(599'999), 10 * kMinute};
  const std::optional<Milliseconds> refusals[] = {std::nullopt, Milliseconds(9'999)};
  const Milliseconds stays[] = {Milliseconds(59'999), kMinute};
  uint64_t failovers = 0, failbacks = 0;
  AutomaticFacts facts = primary_down();
  const auto check = [&](bool failover, bool failback) {
    const std::string got = outcome(facts, failover, failback);
    std::string expected = "-";
    if (facts.mode == Mode::primary && failover) expected = expected_failover(facts);
    if (facts.mode == Mode::backup_readonly && failback) expected = expected_failback(facts);
    if (got != expected) FAIL(to_text(facts.mode) << ": " << got << " instead of " << expected);
    failovers += got == "failover" ? 1 : 0;
    failbacks += got == "failback" ? 1 : 0;
  };
  for (const Mode mode : kModes) {
    for (unsigned bits = 0; bits < 128; ++bits) {
      facts.mode = mode;
      facts.guards.diverged = (bits & 1U) != 0;
      facts.guards.entered_automatically = (bits & 2U) != 0;
      facts.guards.fenced = (bits & 4U) != 0;
      facts.primary_is_trusted = (bits & 8U) != 0;
      facts.guards.on_side_for = stays[(bits >> 4U) & 1U];
      for (const auto& primary : healths) {
        for (const auto& backup : healths) {
          facts.guards.primary_healthy = primary;
          facts.guards.backup_healthy = backup;
          for (const Milliseconds primary_age : primary_ages) {
            for (const Milliseconds backup_age : backup_ages) {
              facts.primary_for = primary_age;
              facts.backup_for = backup_age;
              for (const auto& cooldown : cooldowns) {
                for (const auto& refusal : refusals) {
                  facts.guards.since_automatic_failover = cooldown;
                  facts.since_refused_failback = refusal;
                  check((bits & 32U) != 0, (bits & 64U) != 0);
                }
              }
            }
          }
        }
      }
    }
  }
  CHECK(failovers > 0);
  CHECK(failbacks > 0);
}

TEST_CASE("an_automatic_failover_says_what_was_seen_and_for_how_long") {
  AutomaticFacts facts = primary_down();
  facts.primary_for = Milliseconds(3'049);
  CHECK(decide(facts, failover_config(true), {}).reason == "10.0.0.10:8080: connection refused for 3.0 s");
  facts.guards.primary_detail.clear();
  CHECK(decide(facts, failover_config(true), {}).reason ==
        "no server of the primary answers its health check for 3.0 s");
  CHECK(decide(primary_back(), {}, failback_config(true)).reason == "the primary is healthy for 30.0 s");
}

TEST_CASE("a_backup_that_was_never_checked_does_not_count_as_healthy") {
  AutomaticFacts facts = primary_down();
  CHECK(outcome(facts) == "failover");
  facts.guards.backup_healthy.reset();
  CHECK(outcome(facts) == "refused backup-healthy");
}

TEST_CASE("a_primary_that_was_never_checked_is_neither_down_nor_back") {
  AutomaticFacts facts = primary_down();
  facts.guards.primary_healthy.reset();
  CHECK(outcome(facts) == "-");
  facts = primary_back();
  facts.guards.primary_healthy.reset();
  CHECK(outcome(facts) == "-");
}

TEST_CASE("an_override_never_helps_the_automatic") {
  // It has none; but if facts carried some, those of the health guards must not make it move on a guess.
  AutomaticFacts facts = primary_back();
  facts.guards.overrides = {Guard::primary_healthy};
  facts.guards.primary_healthy = false;
  CHECK(outcome(facts) == "-");
}

}  // namespace
}  // namespace halfdoor
