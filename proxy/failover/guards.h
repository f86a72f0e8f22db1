// Guards: whether a planned change may happen now, and what to tell the operator when not. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "failover/mode_machine.h"

namespace halfdoor {

// What the caught_up URL of the primary said.
struct CaughtUpAnswer {
  bool yes = false;  // 2xx
  std::string text;  // "404 from 10.0.0.10:8080", "no answer within 500ms"; for the message
};

// Everything that the guards look at. Ages are counted by a monotonic clock while the process lives, and from the
// wall clock only over a restart (elapsed_since), so that a clock that jumps neither locks nor opens a guard.
struct GuardFacts {
  std::string service;  // for the commands that messages propose
  // Null: not checked yet. Passes for an operator, never for the automatic.
  std::optional<bool> primary_healthy;
  std::optional<bool> backup_healthy;
  std::string primary_detail;  // what the last check found: "10.0.0.10:8080: connection refused"; may be empty
  std::string backup_detail;

  Milliseconds on_side_for{0};  // since the side was entered
  Milliseconds minimum_stay{0};

  bool diverged = false;
  bool has_caught_up_url = false;
  std::optional<CaughtUpAnswer> caught_up;  // null: not asked

  bool fenced = true;
  std::string fenced_detail;  // "2 writes to the primary"; may be empty

  // Set when it is known that a latch record cannot be made durable now: an earlier write hangs, or the write of this
  // very change failed (judge again then, for the refusal). The text says why: "No space left on device".
  std::optional<std::string> not_persisted;

  bool is_automatic = false;  // actor `automatic`; signals are operators
  // The present mode is the work of an automatic failover, and no operator has acknowledged it: an operator who asks
  // for the mode makes it their own.
  bool entered_automatically = false;
  std::optional<Milliseconds> since_automatic_failover;  // null: there has been none
  Milliseconds cooldown{0};

  std::vector<Guard> overrides;  // transition among them has no effect
};

struct GuardResult {
  Guard rule = Guard::transition;
  bool failed = false;      // not passed, whether or not overridden
  bool overridden = false;  // failed, and an override passes it
  std::string message;      // when failed: what is wrong and what to do; one line, no full stop
  std::string note;         // when passed with something to say: "not checked"
};

struct Judgement {
  std::vector<GuardResult> results;  // every guard of the plan, in its order

  // No guard fails that was not overridden.
  bool allowed() const;
  // Those that refuse: failed and not overridden. The first is the `rule` of the answer.
  std::vector<GuardResult> refusals() const;
};

// All guards are evaluated, none short-circuits another. A `refused` plan yields `transition` alone; so does an
// automatic change that is not one: failover from another mode than `primary`, failback of what was not automatic or is
// diverged. For is_automatic failover `cooldown` is added. A no_change plan is always allowed.
Judgement judge(const Plan& plan, const GuardFacts& facts);

// Whether the caught_up URL has to be asked before judge(): the plan has that guard, the service has the URL, and the
// question makes sense (backup-readonly or closed, and fenced).
bool needs_caught_up_answer(const Plan& plan, const GuardFacts& facts);

// The names of `--override` and "override". An unknown one is an error that names the known ones. Duplicates are
// dropped.
Result<std::vector<Guard>> parse_overrides(const std::vector<std::string>& names);

// "37s", "12m", "3h": rounded up, so that waiting as long as a message says is enough.
std::string about(Milliseconds time);

// Never negative: a wall clock that was set back counts as no time at all.
Milliseconds elapsed_since(WallTime then, WallTime now);

}  // namespace halfdoor
