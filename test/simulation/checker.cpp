#include "simulation/checker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "failover/latch.h"
#include "simulation/context.h"
#include "simulation/sim_host.h"
#include "simulation/sim_process.h"

namespace halfdoor {

// The contract
// ---------------------------------------------------------------------------------------------------------

bool is_served_by(Mode mode, Side side) {
  const bool on_primary = mode == Mode::primary || mode == Mode::primary_readonly;
  const bool on_backup = mode == Mode::backup_readonly || mode == Mode::backup_writable;
  return side == Side::primary ? on_primary : on_backup;
}

bool may_go(RequestKind kind, Mode mode, bool diverged, Side side) {
  const bool serves = is_served_by(mode, side);
  if (is_unsafe(kind)) return serves && (mode == Mode::primary || mode == Mode::backup_writable);
  if (kind != RequestKind::read) return serves;
  const bool may_fall_back = mode == Mode::primary || (mode == Mode::primary_readonly && !diverged);
  return serves || (side == Side::backup && may_fall_back);
}

bool is_in_use(Mode mode, bool diverged, Side side) { return may_go(RequestKind::read, mode, diverged, side); }

std::vector<Mode> modes_led_to(Mode from, bool diverged, Verb verb) {
  using enum Mode;
  switch (verb) {
    case Verb::failover:
      if (from == primary || from == primary_readonly || from == Mode::closed) return {backup_readonly};
      return from == backup_readonly ? std::vector{backup_readonly} : std::vector<Mode>{};
    case Verb::failback:
      if (from == backup_writable) return {backup_readonly, primary};
      return from == primary_readonly ? std::vector<Mode>{} : std::vector{primary};
    case Verb::freeze:
      if (from == primary || from == primary_readonly) return {primary_readonly};
      if (from == Mode::closed) return {diverged ? backup_readonly : primary_readonly};
      return {backup_readonly};
    case Verb::thaw:
      if (from == primary || from == primary_readonly) return {primary};
      return from == backup_writable ? std::vector{backup_writable} : std::vector<Mode>{};
    case Verb::promote:
      return from == backup_readonly || from == backup_writable ? std::vector{backup_writable} : std::vector<Mode>{};
    case Verb::close: return {Mode::closed};
  }
  return {};
}

// Failures
// -------------------------------------------------------------------------------------------------------------

void Checker::fail(const Property& property, const std::string& what, int id) {
  std::string text = what;
  if (const RequestRecord* request = history_.find_request(id)) {
    text += fmt::format(" [request {}: {} {}, {}]", id, request->method, request->target, to_text(request->kind));
  }
  context_->story.tell("VIOLATION", "{}: {}: {}", property.name, property.text, text);
  failures_.push_back({&property, text});
}

PublicationRecord* Checker::in_force_at(size_t service, Micros at) {
  for (auto it = history_.publications.rbegin(); it != history_.publications.rend(); ++it) {
    if (it->service == service && it->at <= at) return &*it;
  }
  return nullptr;
}
PublicationRecord* Checker::in_force(size_t service) { return in_force_at(service, INT64_MAX); }

// Workers
// --------------------------------------------------------------------------------------------------------------

void Checker::on_ledger_begin(int id, uint64_t, Side, int) {
  if (history_.find_request(id) == nullptr) return fail(property::kLedger, "of an unknown request", 0);
  RequestRecord& request = history_.request(id);
  if (!is_ledgered(request.kind)) fail(property::kLedger, "what is no write stands in the ledger", id);
  if (!request.was_ledgered) request.ledgered_at = context_->schedule.now();
  request.was_ledgered = true;
}

bool Checker::is_service_quiet(size_t service, Mode mode, bool diverged, const SimulatedWorkerSlot* of) {
  bool is_quiet = true;
  for (const auto& host : context_->hosts) {
    if (host->service() != service) continue;
    for (const auto& connection : host->connections()) {
      if ((of != nullptr && &connection->worker() != of) || !connection->far().is_held()) continue;
      const ArrivalRecord* open = connection->open_arrival();
      const bool is_open_write = open != nullptr && open->status_sent_at == kNeverUs &&
                                 history_.find_request(open->id) &&
                                 !may_go(history_.request(open->id).kind, mode, diverged, host->side());
      const bool is_tunnel = connection->has_tunnel() && !may_go(RequestKind::tunnel, mode, diverged, host->side());
      if (is_in_use(mode, diverged, host->side()) && !is_open_write && !is_tunnel) continue;
      fail(property::kFence,
           fmt::format("{} still holds a connection with host {}", of == nullptr ? "somebody" : "the worker",
                       host->address()),
           is_open_write ? open->id : 0);
      is_quiet = false;
    }
  }
  return is_quiet;
}

void Checker::on_worker_fenced(SimulatedWorkerSlot& worker, const FencedReport& report) {
  const ServiceState& state = worker.state(report.service);
  if (state.epoch != report.epoch) return fail(property::kFence, "an epoch that is not the worker's", 0);
  is_service_quiet(report.service, state.mode, state.diverged, &worker);
}

void Checker::check_fenced(size_t service, const PublicationRecord& present) {
  is_service_quiet(service, present.mode, present.diverged, nullptr);
}

// Hosts
// ----------------------------------------------------------------------------------------------------------------

void Checker::on_written_to(SimulatedHost& host, HostConnection&, int) {
  const PublicationRecord* present = in_force(host.service());
  if (present == nullptr || present->fenced_at == kNeverUs) return;
  if (is_in_use(present->mode, present->diverged, host.side())) return;
  fail(property::kFence, "bytes for host " + host.address() + " after fenced", 0);
}

void Checker::check_place(SimulatedHost& host, const ArrivalRecord& arrival) {
  const RequestRecord* request = history_.find_request(arrival.id);
  if (request == nullptr) return fail(property::kStrict, "a host got a request that nobody sent", 0);
  const std::string where = fmt::format("at {} in {}", host.address(), to_text(arrival.mode));
  if (request->kind == RequestKind::hostile || request->kind == RequestKind::local) {
    return fail(property::kStrict, "must not arrive " + where, arrival.id);
  }
  if (request->service != host.service()) fail(property::kOwn, "arrives at another service " + where, arrival.id);
  const auto& spans = history_.spans[{arrival.process, arrival.worker, host.service()}];
  const auto span =
      std::find_if(spans.begin(), spans.end(), [&](const ModeSpan& s) { return s.epoch == arrival.epoch; });
  const bool diverged = span != spans.end() && span->diverged;
  if (!may_go(request->kind, arrival.mode, diverged, host.side())) {
    fail(is_unsafe(request->kind) ? property::kI1 : property::kI3, "arrives " + where, arrival.id);
  }
  if (const PublicationRecord* in_force_then = in_force_at(host.service(), arrival.first_byte_at)) {
    const bool came_later =
        in_force_then->acknowledged_at != kNeverUs && request->head_sent_at > in_force_then->acknowledged_at;
    if (came_later && !may_go(request->kind, in_force_then->mode, in_force_then->diverged, host.side())) {
      fail(property::kI2, "arrives " + where, arrival.id);
    }
  }
  if (is_resendable(request->kind)) {
    const bool has_left = is_served_by(arrival.mode, other_side(host.side()));
    if (has_left) check_fallback(*request, arrival);
    return;
  }
  if (++arrivals_of_[arrival.id] > 1) fail(property::kI4, "arrives again " + where, arrival.id);
  if (!is_ledgered(request->kind)) return;
  if (!request->was_ledgered || request->ledgered_at > arrival.first_byte_at) {
    fail(property::kLedger, "sent before it stood in the ledger", arrival.id);
  }
}

void Checker::on_arrival(SimulatedHost& host, ArrivalRecord& arrival, const WireHead& head) {
  check_place(host, arrival);
  const RequestRecord* request = history_.find_request(arrival.id);
  if (request == nullptr) return;
  if (head.method != request->method || head.target != request->target) {
    fail(property::kExact, "arrives as " + head.start_line, arrival.id);
  }
  if (head.value("host") != (request->service == 0 ? "salon.example" : "shop.example")) {
    fail(property::kExact, "arrives for " + head.value("host"), arrival.id);
  }
}

void Checker::on_partial_arrival(SimulatedHost& host, ArrivalRecord& arrival) { check_place(host, arrival); }

void Checker::on_body_read(SimulatedHost& host, ArrivalRecord& arrival) {
  const RequestRecord* request = history_.find_request(arrival.id);
  const PublicationRecord* present = in_force(host.service());
  if (request == nullptr || present == nullptr || present->fenced_at == kNeverUs) return;
  if (arrival.status_sent_at != kNeverUs || process_ends_.count(arrival.process) != 0) return;
  if (may_go(request->kind, present->mode, present->diverged, host.side())) return;
  fail(property::kFence, "bytes of its body reach " + host.address() + " after fenced", arrival.id);
}

void Checker::on_tunnel_bytes(SimulatedHost& host, ArrivalRecord& arrival) {
  if (context_->settings.has_stalls || process_ends_.count(arrival.process) != 0) return;
  const Micros drain = context_->config->services[host.service()].failover.drain.count() * kMs;
  // A mode that takes it back in time lets it go on.
  Micros unwanted_since = kNeverUs;
  for (const ModeSpan& span : history_.spans[{arrival.process, arrival.worker, host.service()}]) {
    if (may_go(RequestKind::tunnel, span.mode, span.diverged, host.side())) {
      unwanted_since = kNeverUs;
    } else if (unwanted_since == kNeverUs) {
      unwanted_since = std::max(span.from, arrival.tunnel_since);
    }
  }
  if (unwanted_since == kNeverUs || unwanted_since + drain + 500 * kMs >= context_->schedule.now()) return;
  fail(property::kI7, "carries bytes long after it had to end", arrival.id);
}

void Checker::on_whole_arrival(ArrivalRecord& arrival, const std::string& trailer) {
  const RequestRecord* request = history_.find_request(arrival.id);
  if (request == nullptr) return;
  if (arrival.body_read != request->body_size) {
    fail(property::kExact,
         fmt::format("{} of {} bytes of a body that is said to be whole", arrival.body_read, request->body_size),
         arrival.id);
  }
  const bool may_come = request->has_trailer && request->takes_trailers;
  if (trailer != (may_come ? std::to_string(request->id) : "")) {
    fail(property::kTrailers, "arrives with the trailer \"" + trailer + "\"", arrival.id);
  }
}

// Clients
// --------------------------------------------------------------------------------------------------------------

void Checker::on_final_head(const RequestRecord& request, const WireHead& head) {
  const std::string token = head.value("x-token");
  const ResponseRecord* response = history_.find_response(request.response);
  if (!token.empty() && (token != std::to_string(request.id) || response == nullptr || response->id != request.id)) {
    return fail(property::kOwn, "is given the answer to request " + token, request.id);
  }
  if (head.find("x-hop") != nullptr) fail(property::kStrict, "a hop-by-hop field of the server passes", request.id);
  if (response != nullptr && response->status != head.status)
    fail(property::kExact, "another status than the server's", request.id);
  // A late answer speaks for the mode of now, not for the one that judged its request.
  const Micros from = response == nullptr ? request.head_sent_at : std::max(request.head_sent_at, response->sent_at);
  const std::vector<ModeSpan> spans = spans_of(request, from);
  const std::string field = request.mode_field;
  if (response == nullptr && field.empty()) return;
  const auto speaks_of = [&](const ModeSpan& span) {
    return span.mode == Mode::primary ? field.empty()
                                      : field == fmt::format("{}; epoch={}", to_text(span.mode), span.epoch);
  };
  if (std::none_of(spans.begin(), spans.end(), speaks_of)) {
    fail(property::kI3, "Halfdoor-Mode \"" + field + "\" is no mode of that time", request.id);
  }
}

void Checker::on_complete(const RequestRecord& request) {
  const ResponseRecord* response = history_.find_response(request.response);
  if (response == nullptr) return;
  const uint64_t whole = response->has_body ? response->size : 0;
  if (response->ends_with_stream && response->is_cut && request.body_received <= whole) return;
  if (request.body_received != whole || (response->is_cut && response->has_body)) {
    fail(property::kExact,
         fmt::format("its answer ends after {} of {} bytes, and nothing tells", request.body_received, whole),
         request.id);
  }
  const bool may_come = response->has_trailer && request.takes_trailers;
  if (request.trailer != (may_come ? std::to_string(response->number) : "")) {
    fail(property::kTrailers, "is answered with the trailer \"" + request.trailer + "\"", request.id);
  }
}

void Checker::on_unasked_answer(int client, const WireHead& head) {
  if (head.status >= 400 && head.find("x-token") == nullptr) return;
  fail(property::kOwn, fmt::format("client {} gets {} for nothing", client, head.start_line), 0);
}

// The end
// --------------------------------------------------------------------------------------------------------------

void Checker::check_nothing_is_left(SimulatedWorkerSlot& worker, std::string_view when) {
  const auto expect = [&](const Property& property, uint64_t is, uint64_t wanted, std::string_view what) {
    if (is != wanted)
      fail(property, fmt::format("{} {}: {} instead of {}, worker {}", what, when, is, wanted, worker.index()), 0);
  };
  const WorkerCounters& counters = worker.counters();
  expect(property::kLeft, counters.exchanges.get(), 0, "exchanges");
  expect(property::kLeft, counters.connections.get(), 0, "client connections");
  expect(property::kLeft, worker.core()->blocks().in_use(), 0, "blocks");
  expect(property::kLeft, worker.core()->generations(), 1, "generations");
  // The next look at a server is not called off when nothing is owed any more.
  const uint64_t looks = worker.core()->has_stopped() ? context_->hosts.size() : 0;
  if (worker.armed_deadlines() > looks) expect(property::kLeft, worker.armed_deadlines(), 0, "deadlines");
  expect(property::kLeft, worker.ledger().open(), 0, "ledger slots");
  for (const auto& service : counters.services) {
    uint64_t responses = 0;
    for (const Counter& counter : service->responses) responses += counter.get();
    expect(property::kCounters, responses, service->requests.get(), "responses");
    expect(property::kI1, service->second_guard.get(), 0, "caught by the second guard");
    for (const auto& side : service->servers) {
      for (const ServerCounters& server : side) {
        expect(property::kCounters, server.in_flight.get(), 0, "in flight");
        expect(property::kCounters, server.pooled.get(), 0, "pooled");
      }
    }
  }
  // What a worker drops in its last turn goes with it.
  for (FarEnd* far : worker.connections()) {
    if (far->is_held() && !worker.core()->has_stopped())
      fail(property::kLeft, fmt::format("a connection is held {}", when), 0);
  }
}

}  // namespace halfdoor
