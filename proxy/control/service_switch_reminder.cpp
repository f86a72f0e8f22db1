// What a service says when its mode seems to be forgotten: in the log and to watchers, now and then. It never leaves
// it.
#include "base/log.h"
#include "control/service_switch.h"

namespace halfdoor {

std::vector<Forgotten> ServiceSwitch::forgotten_now() const {
  return forgotten(record_, mode_age_.at(environment_.now()), config_.failover.remind_after, environment_.wall_now());
}

void ServiceSwitch::remind() {
  const SteadyTime now = environment_.now();
  const Milliseconds remind_after = config_.failover.remind_after;
  const auto next_look = forgotten_in(record_, mode_age_.at(now), remind_after, environment_.wall_now());
  look_for_forgotten_at_ = next_look ? std::optional<SteadyTime>(now + *next_look) : std::nullopt;
  const std::vector<Forgotten> found = forgotten_now();
  if (found.empty()) {
    reminder_ = {};
    return;
  }
  const bool is_due = found.size() > reminder_.told || now >= reminder_.again_at;
  if (!is_due) return;
  reminder_.pause = next_reminder(reminder_.pause, remind_after);
  reminder_.again_at = now + *reminder_.pause;
  reminder_.told = found.size();
  for (const Forgotten& one : found) {
    log_warning("{}: {}", config_.name, one.text);
    environment_.announce(index_, to_text(one.why));
  }
}

}  // namespace halfdoor
