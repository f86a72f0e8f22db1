// The mode machine: which verb leads from which mode to which, by which guards. A table as data; pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "config/mode.h"

namespace halfdoor {

// The rules by which a change may be refused, by the names operators use.
enum class Guard : uint8_t {
  transition,  // the table has no such change; cannot be overridden
  backup_healthy,
  primary_healthy,
  minimum_stay,
  caught_up,
  fenced,
  cooldown,       // automatic failover only
  not_persisted,  // a change towards more writes whose latch record could not be synced
  latched,        // a reload that would lose a mode; never a guard of a mode change
};
inline constexpr size_t kGuardCount = 9;

// "backup-healthy".
std::string_view to_text(Guard guard);
std::optional<Guard> parse_guard(std::string_view text);

// A few guards in the order in which they are judged and printed.
class GuardList {
 public:
  constexpr GuardList() = default;
  constexpr GuardList(std::initializer_list<Guard> guards) {
    for (const Guard guard : guards) guards_[size_++] = guard;
  }
  constexpr const Guard* begin() const { return guards_.data(); }
  constexpr const Guard* end() const { return guards_.data() + size_; }
  constexpr size_t size() const { return size_; }
  constexpr bool has(Guard wanted) const {
    for (const Guard guard : *this) {
      if (guard == wanted) return true;
    }
    return false;
  }

 private:
  std::array<Guard, kGuardCount> guards_{};
  size_t size_ = 0;
};

// What a verb means in a mode.
//
//   no_change   the service is in that mode already: succeeds, may update reason and until
//   change      from -> to, if no guard fails
//   two_steps   from -> via, wait for fenced, via -> to (two epochs); stops in `via` if fencing fails. Its guards are
//               those of the second step, judged before the first and again after it
//   refused     by `transition`; `advice` says which verb to use instead
enum class PlanKind : uint8_t { no_change, change, two_steps, refused };

struct Plan {
  PlanKind kind = PlanKind::refused;
  std::optional<Verb> verb;  // null: a mode was asked for that no verb leads to
  Mode from = Mode::primary;
  Mode to = Mode::primary;   // `from` where nothing changes
  Mode via = Mode::primary;  // two_steps only
  GuardList guards;          // includes not_persisted where `to` takes writes and `from` does not
  std::string_view advice;   // refused only: "say thaw"; a literal
};

// The table of transitions. `diverged` matters to `closed` + freeze only.
Plan plan(Mode from, bool diverged, Verb verb);

// The verb that leads to `wanted`: the first one of Verb's order (so failover before freeze) whose plan ends there,
// `wanted == present` included. Null: none does.
std::optional<Verb> verb_for(Mode wanted, Mode present, bool diverged);
// What "mode": wanted means in the control API: plan() of verb_for(), or a refusal by `transition` with advice.
Plan plan_for_mode(Mode wanted, Mode present, bool diverged);

// Whether a change lets writes pass that did not pass before: such a change is published only after the sync.
constexpr bool is_towards_more_writes(Mode from, Mode to) { return writes_pass(to) && !writes_pass(from); }

}  // namespace halfdoor
