#include "failover/mode_machine.h"

namespace halfdoor {

namespace {

constexpr std::array<std::string_view, kGuardCount> kGuardTexts{"transition",   "backup-healthy", "primary-healthy",
                                                                "minimum-stay", "caught-up",      "fenced",
                                                                "cooldown",     "not-persisted",  "latched"};

struct Entry {
  PlanKind kind = PlanKind::no_change;
  Mode to = Mode::primary;
  GuardList guards;
  std::string_view advice;
  Mode via = Mode::primary;
};

constexpr Entry stay() { return {}; }
constexpr Entry go(Mode to, GuardList guards = {}) { return {PlanKind::change, to, guards, {}, Mode::primary}; }
constexpr Entry refuse(std::string_view advice) {
  return {PlanKind::refused, Mode::primary, {Guard::transition}, advice, Mode::primary};
}
constexpr Entry by_way_of(Mode via, Mode to, GuardList guards) { return {PlanKind::two_steps, to, guards, {}, via}; }

constexpr std::string_view kSayFailoverThenPromote = "say failover first, then promote";

// Rows by index_of(Mode), columns failover, failback, freeze, thaw, promote, close. not_persisted is the last guard
// wherever writes begin to pass. In backup-writable caught_up comes first: it is the reason that always stands.
constexpr Entry kTable[5][6] = {
    // primary
    {go(Mode::backup_readonly, {Guard::backup_healthy}), stay(), go(Mode::primary_readonly), stay(),
     refuse(kSayFailoverThenPromote), go(Mode::closed)},
    // primary-readonly
    {go(Mode::backup_readonly, {Guard::backup_healthy}), refuse("the primary serves already: say thaw"), stay(),
     go(Mode::primary, {Guard::not_persisted}), refuse(kSayFailoverThenPromote), go(Mode::closed)},
    // backup-readonly
    {stay(), go(Mode::primary, {Guard::primary_healthy, Guard::minimum_stay, Guard::caught_up, Guard::not_persisted}),
     stay(), refuse("say failback to return to the primary, or promote to let the backup take writes"),
     go(Mode::backup_writable, {Guard::fenced, Guard::not_persisted}), go(Mode::closed)},
    // backup-writable
    {refuse("the backup serves already: say freeze to stop its writes"),
     by_way_of(Mode::backup_readonly, Mode::primary,
               {Guard::caught_up, Guard::primary_healthy, Guard::minimum_stay, Guard::not_persisted}),
     go(Mode::backup_readonly), stay(), stay(), go(Mode::closed)},
    // closed
    {go(Mode::backup_readonly, {Guard::backup_healthy}),
     go(Mode::primary, {Guard::primary_healthy, Guard::caught_up, Guard::not_persisted}), go(Mode::primary_readonly),
     refuse("say failback to open on the primary, failover to open the backup read-only, or freeze to open read-only"),
     refuse(kSayFailoverThenPromote), stay()},
};

std::string_view advice_towards(Mode wanted, Mode present) {
  switch (wanted) {
    case Mode::backup_writable: return kSayFailoverThenPromote;
    case Mode::primary_readonly:
      return present == Mode::backup_writable ? "say freeze, then failback, then freeze"
                                              : "say failback first, then freeze";
    case Mode::primary:
    case Mode::backup_readonly:
    case Mode::closed: return "say status to see the present mode";
  }
  return {};
}

bool ends_in(const Plan& candidate, Mode wanted) {
  return candidate.kind != PlanKind::refused && candidate.to == wanted;
}

}  // namespace

std::string_view to_text(Guard guard) { return kGuardTexts[static_cast<size_t>(guard)]; }

std::optional<Guard> parse_guard(std::string_view text) {
  for (size_t i = 0; i < kGuardTexts.size(); ++i) {
    if (kGuardTexts[i] == text) return static_cast<Guard>(i);
  }
  return std::nullopt;
}

Plan plan(Mode from, bool diverged, Verb verb) {
  const Entry& entry = kTable[index_of(from)][static_cast<size_t>(verb)];
  Plan made{.kind = entry.kind,
            .verb = verb,
            .from = from,
            .to = from,
            .via = entry.via,
            .guards = entry.guards,
            .advice = entry.advice};
  if (entry.kind == PlanKind::change || entry.kind == PlanKind::two_steps) made.to = entry.to;
  // The primary of a diverged service lacks data: nobody is to read it by a verb that promises not to change the side.
  if (from == Mode::closed && verb == Verb::freeze && diverged) made.to = Mode::backup_readonly;
  return made;
}

std::optional<Verb> verb_for(Mode wanted, Mode present, bool diverged) {
  for (const Verb verb : kVerbs) {
    if (ends_in(plan(present, diverged, verb), wanted)) return verb;
  }
  return std::nullopt;
}

Plan plan_for_mode(Mode wanted, Mode present, bool diverged) {
  if (const std::optional<Verb> verb = verb_for(wanted, present, diverged)) return plan(present, diverged, *verb);
  return Plan{.kind = PlanKind::refused,
              .verb = std::nullopt,
              .from = present,
              .to = wanted,
              .via = present,
              .guards = {Guard::transition},
              .advice = advice_towards(wanted, present)};
}

}  // namespace halfdoor
