#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>
#include <vector>

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
// Fewer than the connections that the daemon serves at a time, and than the commands that may wait there.
constexpr size_t kMostAskedAtOnce = 48;

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

struct Said {
  std::ostringstream out, err;
  int code = kExitDone;
};

// All at once: with --all the last service must not wait for the drain of the first. What they say comes in their
// order.
int change_each(const ControlClient& client, const std::vector<KnownService>& services, const nlohmann::json& body,
                std::optional<Milliseconds> wait, CommandIo io) {
  std::vector<Said> said(services.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < services.size(); i = next++) {
      const Milliseconds patience = wait.value_or(std::max(kLeastWait, services[i].drain + kBeyondDrain));
      said[i].code = change_one(client, services[i], body, patience, {said[i].out, said[i].err, io.colours});
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(services.size(), kMostAskedAtOnce); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  int worst = kExitDone;
  for (const Said& one : said) {
    io.out << one.out.str();
    io.err << one.err.str();
    worst = std::max(worst, one.code);
  }
  return worst;
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
  return change_each(client, chosen.services, body, wait, io);
}

}  // namespace halfdoor
