// What an operator asks of the mode of a service, and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/mode.h"
#include "failover/change.h"
#include "failover/guards.h"

namespace halfdoor {

struct ModeRequest {
  // One of the two: a verb, or a mode, which means the verb that leads there from the present mode.
  std::optional<Verb> verb;
  std::optional<Mode> mode;
  std::string actor;
  std::optional<std::string> reason;
  std::optional<WallTime> until;
  std::vector<Guard> overrides;
  bool dry_run = false;
  Milliseconds wait{30'000};  // 0: answer at *applied*
  std::optional<uint64_t> expect_epoch;
};

struct ChangeAnswer {
  enum class Kind : uint8_t {
    done,         // applied and fenced; or a dry run that would not be refused
    incomplete,   // accepted, but not (yet, or ever: superseded) complete
    refused,      // nothing changed, or only the first of two steps: see `record`
    stale_epoch,  // expect_epoch named another one
  };
  Kind kind = Kind::refused;
  bool dry_run = false;
  Mode from = Mode::primary;          // when the request was judged
  Mode to = Mode::primary;            // what was asked for
  LatchRecord record;                 // the present one
  std::vector<GuardResult> refusals;  // refused only, never empty then
  std::vector<GuardResult> remarks;   // guards that were overridden, or passed with a note

  uint64_t generation = 0;  // 0: not published
  int workers = 0;
  int applied_workers = 0;
  bool applied = false;
  double applied_ms = 0;  // from the publication
  bool fenced = false;    // of the present epoch
  double fenced_ms = 0;
  uint64_t writes_in_flight = 0;  // when it was applied
  uint64_t writes_finished = 0;
  uint64_t writes_uncertain = 0;
  bool persisted = true;
  std::optional<uint64_t> superseded_by;
  std::vector<std::string> not_safe;  // a line per worker that has not applied within 1 s
};
using OnAnswer = std::function<void(const ChangeAnswer&)>;

}  // namespace halfdoor
