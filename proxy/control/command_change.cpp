#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "control/commands.h"
#include "control/exit_code.h"
#include "control/json_read.h"
#include "control/report_text.h"
#include "failover/until.h"

namespace halfdoor {

namespace {

// What the daemon may take beyond the wait: judging, asking the primary, a disk that hangs.
constexpr Milliseconds kBeyondWait{20'000};
constexpr Milliseconds kLeastWait{30'000};
constexpr Milliseconds kBeyondDrain{5'000};

int change_one(const ControlClient& client, const KnownService& service, nlohmann::json body, Milliseconds wait,
               CommandIo io) {
  body["wait_ms"] = wait.count();
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const Result<ControlReply> reply =
      client.post(fmt::format("/v1/services/{}/mode", service.name), text, wait + kBeyondWait);
  if (!reply) {
    io.err << fmt::format("halfdoor: {}\n", reply.error().message);
    return kExitUnreachable;
  }
  if (reply->status != 200 && reply->status != 202) return report_error(service.name, *reply, io);
  const nlohmann::json answer = nlohmann::json::parse(reply->body, nullptr, false);
  io.out << (answer.is_object() ? describe_change(answer) : reply->body);
  return reply->status == 200 ? kExitDone : kExitIncomplete;
}

}  // namespace

int change_mode(Verb verb, const CommandOptions& options, CommandIo io) {
  nlohmann::json body{{"verb", to_text(verb)}};
  if (!options.reason.empty()) body["reason"] = options.reason;
  if (!options.until.empty()) {
    const Result<WallTime> until = parse_until(options.until, std::chrono::system_clock::now());
    if (!until) {
      io.err << "halfdoor: " << until.error().message << "\n";
      return kExitUsage;
    }
    body["until"] = format_rfc3339(*until);
  }
  std::optional<Milliseconds> wait;
  if (!options.wait.empty()) {
    wait = parse_duration(options.wait);
    if (!wait) {
      io.err << fmt::format("halfdoor: --wait: \"{}\" is no duration, write 500ms, 30s or 0s\n", options.wait);
      return kExitUsage;
    }
  }
  if (!options.overrides.empty()) body["override"] = options.overrides;
  if (options.dry_run) body["dry_run"] = true;
  if (options.expect_epoch) body["expect_epoch"] = *options.expect_epoch;

  const ControlClient client(options.socket);
  const ChosenServices chosen = choose_services(client, options, WhenNoneNamed::only_one, io);
  if (chosen.exit_code != kExitDone) return chosen.exit_code;
  int worst = kExitDone;
  for (const KnownService& service : chosen.services) {
    worst = std::max(worst, change_one(client, service, body,
                                       wait.value_or(std::max(kLeastWait, service.drain + kBeyondDrain)), io));
  }
  return worst;
}

}  // namespace halfdoor
