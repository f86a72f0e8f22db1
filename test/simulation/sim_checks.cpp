#include "simulation/sim_checks.h"

#include <utility>

#include "simulation/context.h"
#include "simulation/sim_host.h"

namespace halfdoor {

namespace {

// As the prober of the daemon: a check that failed so long after its time says nothing about the server.
constexpr Micros kSleptAfter = 200 * kMs;

}  // namespace

SimulatedChecks::SimulatedChecks(SimulationContext& context, Links links)
    : context_(context),
      links_(std::move(links)),
      addresses_(*context.config),
      board_(*context.config),
      checks_(*this, *this, *context.config, board_) {}

SteadyTime SimulatedChecks::now() { return context_.steady_now(); }
WallTime SimulatedChecks::wall_now() { return WallTime(Milliseconds(context_.unix_ms())); }

const AddressList& SimulatedChecks::server_addresses(ServerId server) {
  return addresses_.of(server.service, server.side, server.server);
}

void SimulatedChecks::on_server_health(ServerId server) {
  const std::string& name = context_.config->services[server.service].side(server.side).servers[server.server].name;
  context_.story.tell("checks", "{} is {}", name, to_text(board_.at(server).health()));
}

void SimulatedChecks::on_side_health(size_t service) { links_.on_side_health(service); }

void SimulatedChecks::begin(const ProbeTarget& target, std::function<void(const ProbeResult&)> done) {
  const Micros timeout = target.rules->timeout.count() * kMs;
  const SimulatedHost::CheckAnswer answer = context_.host_at(target.address->text()).answer_check(timeout);
  const Micros over_by = context_.schedule.now() + timeout + kSleptAfter;
  // The process may have ended by then, and this with it.
  context_.schedule.after(
      answer.after, [post = links_.post, &schedule = context_.schedule, answer, over_by, done = std::move(done)] {
        post([&schedule, answer, over_by, done] {
          using Verdict = ProbeResult::Verdict;
          const bool slept = !answer.passed && schedule.now() > over_by;
          done({answer.passed ? Verdict::passed : slept ? Verdict::slept : Verdict::failed, answer.text});
        });
      });
}

}  // namespace halfdoor
