// What the checker judges at the end, when every history is complete.
#include <algorithm>
#include <set>

#include "simulation/checker.h"
#include "simulation/context.h"
#include "simulation/sim_host.h"

namespace halfdoor {

void Checker::judge() {
  judge_answers();
  judge_refusals();
  judge_uncertain();
  judge_reads();
  judge_automatic();
  judge_commands();
  judge_fences();
}

bool Checker::process_ended_within(int process, Micros from, Micros to) {
  const auto end = process_ends_.find(process);
  // A graceful stop begins before its end.
  return end != process_ends_.end() && end->second >= from &&
         end->second - context_->config->drain.count() * kMs - 6 * kSecond <= to;
}

// The modes of its worker from then on until it was answered.
std::vector<ModeSpan> Checker::spans_of(const RequestRecord& request, Micros from) {
  const auto& spans = history_.spans[{request.process, request.worker, request.service}];
  const Micros until = request.answered_at != kNeverUs ? request.answered_at : context_->schedule.now();
  std::vector<ModeSpan> found;
  for (size_t i = 0; i < spans.size(); ++i) {
    const bool ends_before = i + 1 < spans.size() && spans[i + 1].from < from;
    if (!ends_before && spans[i].from <= until) found.push_back(spans[i]);
  }
  return found;
}

void Checker::judge_answers() {
  for (const RequestRecord& request : history_.requests) {
    if (request.over_at == kNeverUs) fail(property::kI8, "is neither answered nor closed", request.id);
    const bool has_answer = request.answered_at != kNeverUs;
    // The head of a response that was cut may be lost with what follows it.
    const bool is_cut =
        std::any_of(history_.arrivals.begin(), history_.arrivals.end(), [&](const ArrivalRecord& arrival) {
          return arrival.id == request.id && arrival.status_sent_at != kNeverUs &&
                 (arrival.misbehaved || arrival.closed_on_body || was_switched(request));
        });
    if (request.is_owed_answer && !is_cut && !has_answer && !request.client_gave_up &&
        request.kind != RequestKind::hostile &&
        !process_ended_within(request.process, request.head_sent_at, request.over_at) &&
        context_->settings.connections_per_worker > 100) {
      fail(property::kI8, "is closed without an answer", request.id);
    }
  }
}

void Checker::judge_refusals() {
  std::set<int> arrived;
  for (const ArrivalRecord& arrival : history_.arrivals) arrived.insert(arrival.id);
  for (const RequestRecord& request : history_.requests) {
    const bool is_own_answer = request.answered_at != kNeverUs && request.response == 0;
    if (!is_own_answer || request.kind == RequestKind::hostile || request.kind == RequestKind::local) continue;
    if (request.has_retry_after && is_ledgered(request.kind) && arrived.count(request.id) != 0) {
      fail(property::kNotice, fmt::format("is told to try again ({})", request.status), request.id);
    }
    const std::vector<ModeSpan> spans = spans_of(request, request.head_sent_at);
    const auto lets_pass = [&](const ModeSpan& span) {
      return may_go(request.kind, span.mode, span.diverged, Side::primary) ||
             may_go(request.kind, span.mode, span.diverged, Side::backup);
    };
    const bool is_refusal = request.status == context_->config->services[request.service].read_only.status;
    if (is_refusal && std::all_of(spans.begin(), spans.end(), lets_pass)) {
      fail(property::kRefusal, fmt::format("is refused ({})", request.status), request.id);
    }
    if (!is_refusal && request.status < 500 && request.status != 408) {
      fail(property::kRefusal, fmt::format("is refused ({}: {})", request.status, request.text.substr(0, 80)),
           request.id);
    }
  }
}

void Checker::judge_uncertain() {
  for (const ArrivalRecord& arrival : history_.arrivals) {
    const RequestRecord* request = history_.find_request(arrival.id);
    if (request == nullptr || !is_ledgered(request->kind) || arrival.status_sent_at != kNeverUs) continue;
    if (history_.uncertain.count(arrival.id) == 0) fail(property::kUncertain, "is not listed", arrival.id);
  }
  for (const auto& [id, why] : history_.uncertain) {
    const RequestRecord* request = history_.find_request(id);
    if (request == nullptr) {
      fail(property::kUncertain, "lists what nobody sent", id);
      continue;
    }
    if (!is_ledgered(request->kind)) fail(property::kUncertain, "lists what is no write", id);
    if (!request->was_ledgered) fail(property::kUncertain, "lists what was never sent", id);
    if (request->response != 0) fail(property::kUncertain, "lists what was answered: " + why, id);
    if (request->has_retry_after) fail(property::kNotice, "is uncertain, and told to try again", id);
  }
}

bool Checker::may_read_fail(const RequestRecord& request) {
  if (process_ended_within(request.process, request.head_sent_at, request.answered_at)) return true;
  for (const ArrivalRecord& arrival : history_.arrivals) {
    if (arrival.id != request.id || !arrival.misbehaved) continue;
    // What hangs is noticed by nobody yet; what talks nonsense is not asked again elsewhere.
    if (!arrival.only_cut) return true;
  }
  const std::vector<ModeSpan> spans = spans_of(request, request.head_sent_at);
  // One that has just come back is not known to have.
  const Micros well_since = request.head_sent_at - detection(context_->config->services[request.service]);
  return std::any_of(spans.begin(), spans.end(), [&](const ModeSpan& span) {
    if (span.mode == Mode::closed) return true;
    return std::all_of(context_->hosts.begin(), context_->hosts.end(), [&](const auto& host) {
      if (host->service() != request.service || !is_in_use(span.mode, span.diverged, host->side())) return true;
      const bool is_fallback = !is_served_by(span.mode, host->side());
      if (is_fallback && !context_->config->services[request.service].failover.read_fallback) return true;
      const auto& trouble = history_.trouble[host->number()];
      return std::any_of(trouble.begin(), trouble.end(), [&](const auto& time) {
        return time.first <= request.answered_at && time.second >= well_since;
      });
    });
  });
}

bool Checker::may_be_cut(const RequestRecord& request) {
  if (request.client_gave_up || process_ended_within(request.process, request.head_sent_at, request.over_at))
    return true;
  const ResponseRecord* response = history_.find_response(request.response);
  if (response == nullptr || response->is_cut) return true;
  for (const ArrivalRecord& arrival : history_.arrivals) {
    if (arrival.id == request.id && arrival.misbehaved) return true;
  }
  return was_switched(request);
}

// A switch cuts what has not ended within `drain`.
bool Checker::was_switched(const RequestRecord& request) {
  const auto& spans = history_.spans[{request.process, request.worker, request.service}];
  return std::any_of(spans.begin(), spans.end(), [&](const ModeSpan& span) {
    return span.from >= request.head_sent_at && span.from <= request.over_at;
  });
}

void Checker::judge_reads() {
  for (const RequestRecord& request : history_.requests) {
    if (request.kind != RequestKind::read || request.answered_at == kNeverUs || request.client_gave_up) continue;
    const bool lacks_room = request.status == 503 && context_->settings.connections_per_worker <= 100;
    if (request.response == 0 && request.status >= 500 && !lacks_room && !may_read_fail(request)) {
      fail(property::kRead, fmt::format("fails with {}", request.status), request.id);
    }
    const bool is_cut = !request.is_complete && request.response != 0;
    if (is_cut && request.is_owed_answer && !may_be_cut(request)) fail(property::kRead, "is cut", request.id);
  }
}

// What drains has `drain` for it, however often the mode changes.
void Checker::judge_fences() {
  if (context_->settings.has_stalls) return;
  for (const PublicationRecord& publication : history_.publications) {
    const Micros drain = context_->config->services[publication.service].failover.drain.count() * kMs;
    const Micros left_at = publication.left_at == kNeverUs ? context_->schedule.now() : publication.left_at;
    const auto end = process_ends_.find(publication.process);
    const Micros until = end == process_ends_.end() ? left_at : std::min(left_at, end->second);
    const Micros fenced = publication.fenced_at == kNeverUs ? until : publication.fenced_at;
    if (fenced - publication.at <= drain + kSecond) continue;
    fail(property::kFence,
         fmt::format("{} epoch {} of service {} is not fenced within drain", to_text(publication.mode),
                     publication.epoch, publication.service),
         0);
  }
}

void Checker::judge_commands() {
  for (const CommandRecord& command : history_.commands) {
    const bool ended_first =
        command.process_ended && process_ends_[command.process] < command.asked_at + command.answer_is_due_after();
    if (command.answers == 0 && !ended_first) {
      fail(property::kAnswer,
           fmt::format("command {} of service {} was never answered", command.number, command.service), 0);
    }
    judge_promptness(command);
  }
}

// Alone, and leading to a mode without writes from wherever the service is.
void Checker::judge_promptness(const CommandRecord& command) {
  const bool is_restrictive = command.request.verb == Verb::close || command.request.verb == Verb::freeze;
  if (!is_restrictive || command.request.dry_run || command.met_others || context_->settings.has_stalls) return;
  if (command.answers > 0 && command.answer.kind == ChangeAnswer::Kind::stale_epoch) return;
  const Micros latest = command.asked_at + 350 * kMs;
  if (command.process_ended && process_ends_[command.process] <= latest) return;
  if (command.answers > 0 && command.answered_at <= latest) return;
  const bool is_there = std::any_of(history_.publications.begin(), history_.publications.end(), [&](const auto& mode) {
    return mode.service == command.service && mode.at >= command.asked_at && mode.at <= latest;
  });
  const PublicationRecord* before = in_force_at(command.service, command.asked_at);
  const auto led_to = modes_led_to(before->mode, before->diverged, *command.request.verb);
  if (is_there || led_to.empty() || led_to.back() == before->mode) return;
  fail(property::kPrompt, fmt::format("command {} of service {}", command.number, command.service), 0);
}

}  // namespace halfdoor
