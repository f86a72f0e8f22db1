// The body of a mode change: one of verb and mode, values in range, the same twice; an error is one short sentence.
#include "control/mode_body.h"

#include "fuzz/fuzz_target.h"

namespace halfdoor::fuzz {

namespace {

bool same(const ModeRequest& one, const ModeRequest& other) {
  return one.verb == other.verb && one.mode == other.mode && one.reason == other.reason && one.until == other.until &&
         one.overrides == other.overrides && one.dry_run == other.dry_run && one.wait == other.wait &&
         one.expect_epoch == other.expect_epoch;
}

void run(std::string_view bytes) {
  const WallTime now{std::chrono::seconds(1'795'365'524)};
  const std::string body(bytes);
  const Result<ModeRequest> request = parse_mode_body(body, Milliseconds(15'000), now);
  const Result<ModeRequest> again = parse_mode_body(body, Milliseconds(15'000), now);
  require(again.ok() == request.ok(), "the same body is read alike twice");
  if (!request.ok()) {
    const std::string& message = request.error().message;
    require(!message.empty() && message.size() < 2000, "an error is a sentence", [&] { return printable(message); });
    require_same(again.error().message, message, "the same body has the same error");
    return;
  }
  require(same(*request, *again), "the same body is read alike twice");
  require(request->verb.has_value() != request->mode.has_value(), "a change names a verb or a mode");
  require(request->wait.count() >= 0 && request->wait <= std::chrono::hours(24), "nobody waits longer than a day");
  require(!request->until || *request->until > now, "until is in the future");
  require(request->actor.empty(), "a body never says who asks");
}

HALFDOOR_FUZZ_TARGET(mode_body, run);

}  // namespace

}  // namespace halfdoor::fuzz
