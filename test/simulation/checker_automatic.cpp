// What the checker holds health to: the automatic, and reads that leave the side of their mode.
#include <algorithm>

#include "simulation/checker.h"
#include "simulation/context.h"
#include "simulation/sim_host.h"

namespace halfdoor {

namespace {

using Spans = std::vector<std::pair<Micros, Micros>>;

bool overlaps(const Spans& spans, Micros from, Micros to) {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const auto& span) { return span.first <= to && span.second >= from; });
}
bool covers(const Spans& spans, Micros from, Micros to) {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const auto& span) { return span.first <= from && span.second >= to; });
}

// At the latest then a check has been made and has ended, and counts.
Micros check_cycle(const ServiceConfig& service) {
  return (service.health.interval + service.health.timeout).count() * kMs;
}
}  // namespace

Micros detection(const ServiceConfig& service) {
  return (std::max(service.health.fall, service.health.rise) + 1) * check_cycle(service);
}

template <class Predicate>
bool Checker::all_hosts(size_t service, Side side, Predicate holds) const {
  return std::all_of(context_->hosts.begin(), context_->hosts.end(), [&](const auto& host) {
    return host->service() != service || host->side() != side || holds(host->number());
  });
}

// A primary that answers, however slowly, is never left.
void Checker::check_fallback(const RequestRecord& request, const ArrivalRecord& arrival) {
  const ServiceConfig& service = context_->config->services[request.service];
  if (context_->settings.has_stalls) return;
  if (!service.failover.read_fallback) return fail(property::kFallback, "although it is off", request.id);
  const Micros from = request.head_sent_at - detection(service) - kSecond;
  const bool all_failed = all_hosts(request.service, Side::primary, [&](int host) {
    return overlaps(history_.trouble[host], from, arrival.first_byte_at);
  });
  if (!all_failed) fail(property::kFallback, "although a server of the primary has been well all the time", request.id);
}

// Whether the automatic may do what it does.
void Checker::check_automatic(const PublicationRecord& before, const PublicationRecord& now) {
  const ServiceConfig& service = context_->config->services[now.service];
  const std::string what = fmt::format("service {}: {} epoch {} by itself", now.service, to_text(now.mode), now.epoch);
  if (now.mode == Mode::backup_readonly && before.mode == Mode::primary && service.failover.automatic) {
    return check_automatic_failover(now, what);
  }
  const bool may_fail_back = before.is_automatic && !before.diverged && service.failback.automatic;
  if (now.mode != Mode::primary || before.mode != Mode::backup_readonly || !may_fail_back) {
    return fail(property::kI9, what, 0);
  }
  const bool is_acknowledged =
      std::any_of(history_.commands.begin(), history_.commands.end(), [&](const CommandRecord& command) {
        return command.service == now.service && !command.request.dry_run && command.answers > 0 &&
               command.answer.kind == ChangeAnswer::Kind::done && command.answer.record.epoch == before.epoch &&
               command.answer.persisted;
      });
  if (is_acknowledged) fail(property::kI9, what + ", although an operator has acknowledged the backup", 0);
  if (now.at - before.at < service.failback.minimum_stay.count() * kMs - kMs && !before.is_start) {
    fail(property::kAutomatic, what + ", before minimum_stay", 0);
  }
  // Up to the detection of a fault, the primary was there.
  const Micros known = now.at - detection(service);
  const Micros from = now.at - service.failback.healthy_for.count() * kMs;
  if (context_->settings.has_stalls || from >= known) return;
  if (all_hosts(now.service, Side::primary, [&](int host) { return covers(history_.down[host], from, known); })) {
    fail(property::kAutomatic, what + ", although the primary was down", 0);
  }
}

// A change counts from when it was judged; it is published when its record has been synced.
constexpr Micros kLatching = 10 * kMs;

void Checker::check_automatic_failover(const PublicationRecord& now, const std::string& what) {
  const ServiceConfig& service = context_->config->services[now.service];
  const Micros cooldown = service.failover.cooldown.count() * kMs;
  const bool is_remembered = !context_->settings.clock_jumps && context_->settings.disk_trouble_every == 0;
  const auto last = automatic_failovers_.find(now.service);
  if (is_remembered && last != automatic_failovers_.end() && now.at - last->second < cooldown - kLatching) {
    fail(property::kAutomatic, what + ", during the cooldown", 0);
  }
  automatic_failovers_[now.service] = now.at;
  if (context_->settings.has_stalls) return;
  if (!all_hosts(now.service, Side::primary,
                 [&](int host) { return overlaps(history_.trouble[host], now.at - detection(service), now.at); })) {
    fail(property::kAutomatic, what + ", although a server of the primary was well", 0);
  }
  if (all_hosts(now.service, Side::backup,
                [&](int host) { return covers(history_.down[host], now.at - detection(service), now.at); })) {
    fail(property::kAutomatic, what + ", although the backup was down", 0);
  }
}

// What has to be left is left.
void Checker::judge_automatic() {
  if (context_->settings.has_stalls) return;
  for (const PublicationRecord& publication : history_.publications) {
    const ServiceConfig& service = context_->config->services[publication.service];
    if (!service.failover.automatic || publication.mode != Mode::primary) continue;
    const bool is_by_override =
        std::any_of(history_.commands.begin(), history_.commands.end(), [&](const CommandRecord& command) {
          return command.service == publication.service &&
                 std::count(command.request.overrides.begin(), command.request.overrides.end(),
                            Guard::primary_healthy) > 0;
        });
    if (is_by_override) continue;
    const Micros left_at = publication.left_at == kNeverUs ? context_->schedule.now() : publication.left_at;
    const auto end = process_ends_.find(publication.process);
    judge_stay(publication, end == process_ends_.end() ? left_at : std::min(left_at, end->second));
  }
}

void Checker::judge_stay(const PublicationRecord& stay, Micros until) {
  const ServiceConfig& service = context_->config->services[stay.service];
  const Micros needed = 2 * detection(service) + service.failover.after.count() * kMs + kSecond;
  const Micros cooldown = service.failover.cooldown.count() * kMs;
  for (const auto& host : context_->hosts) {
    if (host->service() != stay.service || host->side() != Side::primary) continue;
    for (const auto& down : history_.down[host->number()]) {
      Micros from = std::max(down.first, stay.at);
      for (const PublicationRecord& other : history_.publications) {
        const bool counts = other.service == stay.service && other.at <= stay.at && other.is_automatic_failover;
        if (counts) from = std::max(from, other.at + cooldown);
      }
      const Micros to = std::min(down.second, until);
      if (to - from < needed || context_->settings.clock_jumps) continue;
      const bool is_down = all_hosts(stay.service, Side::primary,
                                     [&](int number) { return covers(history_.down[number], from, from + needed); });
      const bool has_backup = !all_hosts(stay.service, Side::backup, [&](int number) {
        return overlaps(history_.trouble[number], from, from + needed);
      });
      const bool is_busy =
          std::any_of(history_.commands.begin(), history_.commands.end(), [&](const CommandRecord& command) {
            const bool is_over = command.answers > 0 && command.answered_at < from;
            return command.service == stay.service && command.asked_at < from + needed && !is_over;
          });
      if (is_down && has_backup && !is_busy) {
        fail(property::kAutomatic,
             fmt::format("service {} epoch {} stays on a primary that is down", stay.service, stay.epoch), 0);
      }
    }
  }
}

}  // namespace halfdoor
