#include "simulation/sim_operator.h"

#include <algorithm>
#include <utility>

#include "simulation/context.h"
#include "simulation/sim_process.h"

namespace halfdoor {

void SimulatedOperator::give_command() {
  if (context_.process == nullptr || !context_.process->is_serving()) return;
  ModeRequest request;
  if (context_.dice.chance(850)) {
    request.verb = kVerbs[context_.dice.below(kVerbs.size())];
  } else {
    request.mode = kModes[context_.dice.below(kModes.size())];
  }
  request.actor = "uid:0(root)";
  if (context_.dice.chance(300)) request.reason = "because";
  if (context_.dice.chance(200)) request.until = WallTime(Milliseconds(context_.unix_ms() + 3'600'000));
  for (const Guard guard : {Guard::minimum_stay, Guard::caught_up, Guard::fenced, Guard::primary_healthy,
                            Guard::backup_healthy, Guard::not_persisted}) {
    if (context_.dice.chance(guard == Guard::not_persisted ? 50 : 250)) request.overrides.push_back(guard);
  }
  request.dry_run = context_.dice.chance(80);
  static constexpr int64_t kWaits[] = {0, 0, 200, 1'000, 30'000, 30'000};
  request.wait = Milliseconds(kWaits[context_.dice.below(std::size(kWaits))]);
  const auto service = static_cast<size_t>(context_.dice.below(context_.config->services.size()));
  if (context_.dice.chance(100))
    request.expect_epoch = context_.process->coordinator().service(service).record().epoch + context_.dice.below(2);
  if (context_.dice.chance(80)) {
    // As SIGUSR1 and SIGUSR2: all services at once.
    request = ModeRequest{};
    request.actor = "signal";
    request.verb = context_.dice.chance(500) ? Verb::failover : Verb::failback;
    for (size_t i = 0; i < context_.config->services.size(); ++i) ask(i, request);
    return;
  }
  ask(service, std::move(request));
}

void SimulatedOperator::ask(size_t service, ModeRequest request) {
  CommandRecord record;
  record.number = static_cast<int>(context_.history.commands.size()) + 1;
  record.process = context_.process->number();
  record.service = service;
  record.request = request;
  record.asked_at = context_.schedule.now();
  record.met_others =
      std::any_of(context_.history.commands.begin(), context_.history.commands.end(), [&](const CommandRecord& other) {
        const bool may_go_on = other.answers == 0 || context_.schedule.now() - other.asked_at < 30 * kSecond;
        return other.service == service && other.process == record.process && !other.process_ended && may_go_on &&
               !(other.answers > 0 && other.answer.kind != ChangeAnswer::Kind::incomplete);
      });
  context_.history.commands.push_back(record);
  CommandRecord& kept = context_.history.commands.back();
  context_.story.tell("operator", "command {}: {} {} of {} (wait {} ms{}{})", record.number,
                      request.verb ? to_text(*request.verb) : "mode", request.mode ? to_text(*request.mode) : "",
                      context_.config->services[service].name, request.wait.count(), request.dry_run ? ", dry run" : "",
                      request.overrides.empty() ? "" : ", overrides");
  SimulatedProcess& process = *context_.process;
  process.command([this, &process, &kept, service, request = std::move(request)] {
    process.coordinator().ask(service, request, [this, &kept](const ChangeAnswer& answer) {
      ++kept.answers;
      kept.answered_at = context_.schedule.now();
      kept.answer = answer;
      static constexpr const char* kKinds[] = {"done", "incomplete", "refused", "stale epoch"};
      context_.story.tell("operator", "command {} is answered: {}, {} epoch {}{}", kept.number,
                          kKinds[static_cast<int>(answer.kind)], to_text(answer.record.to), answer.record.epoch,
                          answer.persisted ? "" : ", NOT PERSISTED");
      context_.checker.on_answer(kept);
    });
  });
}

}  // namespace halfdoor
