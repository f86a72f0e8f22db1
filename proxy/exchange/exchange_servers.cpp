// Which server an exchange goes to, and where to when that one fails or is silent.
#include "exchange/exchange.h"
#include "exchange/exchanges.h"
#include "exchange/second_guard.h"
#include "exchange/server_choice.h"

namespace halfdoor {

namespace {

constexpr uint64_t bit_of(size_t server) { return uint64_t{1} << server; }
static_assert(ListLimits::servers <= 64, "a bit per server of a side");

}  // namespace

ServerWatch* Exchange::pick_server(Side side, bool is_last_resort) {
  const ServerWatches::OfSide& servers = exchanges_.servers(service_, side);
  uint64_t& tried = tried_servers_[index_of(side)];
  ServerChoice choice;
  for (size_t i = 0; i < servers.size(); ++i) {
    if (tried & bit_of(i)) continue;
    ServerWatch& server = *servers[i];
    if (!is_last_resort) {
      const bool is_avoided = server.is_avoided();
      if (server.note_avoided(is_avoided)) environment_.pools.retire(server.id());
      // Who has waited once does not wait for the next one that may be hung, too.
      if (is_avoided || (has_waited_ && server.is_doubtful())) continue;
    }
    choice.add(i, server.counters().in_flight.get(), server.weight());
  }
  if (choice.empty()) return nullptr;
  const size_t chosen = choice.choose(environment_.random);
  tried |= bit_of(chosen);
  return servers[chosen].get();
}

bool Exchange::may_change_side() const {
  return is_resendable_ && !lacks_means_ && context_.service->failover.read_fallback &&
         may_fall_back(context_.state->mode, context_.state->diverged);
}

// Checks may be wrong: what is down as far as anybody knows is tried where nothing better is left.
ServerWatch* Exchange::pick_next() {
  const std::optional<Side> side = serving_side(context_.state->mode);
  if (!side) return nullptr;
  for (const bool is_last_resort : {false, true}) {
    if (ServerWatch* const server = pick_server(*side, is_last_resort)) return server;
    if (!may_change_side()) continue;
    if (ServerWatch* const server = pick_server(other_side(*side), is_last_resort)) return server;
  }
  return nullptr;
}

void Exchange::try_next() {
  while (true) {
    move_to(State::attempting);
    ServerWatch* const server = pick_next();
    if (server == nullptr) return fail_without_server();
    const Side side = server->id().side;
    context_.side = side;
    context_.is_fallback = is_fallback_ = serving_side(context_.state->mode) != side;
    if (!second_guard_passes(*context_.service, environment_.current->state(service_), side, request_,
                             findings_.get())) {
      service_counters().second_guard.add();
      log_error("{}: the second guard refused {} {} to the {}; this is a defect of halfdoor, please report it",
                context_.service->name, request_.method, request_.path, to_text(side));
      return answer(environment_.notices.refuse(context_, request_));
    }
    notes_.begin_attempt();
    const bool is_handshake = request_.is_websocket_handshake;
    const Attempt::Terms terms{
        is_resendable_, is_write_, must_connect_anew_ || is_handshake, {request_.method == "HEAD", is_handshake}};
    if (attempt_.start(*server, terms, arena_, response_)) {
      lacks_means_ = false;
      return;
    }
    if (is_local_shortage(attempt_.error())) {
      // Nothing speaks against the server, nor for the other side.
      lacks_means_ = true;
      notes_.why = "no connection can be opened: out of descriptors, ports or memory";
    } else {
      server->suspect();
    }
  }
}

bool Exchange::blames_server(const AttemptFailure& failure) const {
  // One that was pooled had been closed before it was asked. A tunnel may be silent for as long as both sides like.
  return failure.kind != UpstreamFailure::Kind::bad_message && !failure.was_reused && !is_tunnel() &&
         !is_local_shortage(failure.error);
}

void Exchange::on_attempt_failed(const AttemptFailure& failure) {
  ServerWatch& server = attempt_.watch();
  if (blames_server(failure)) server.suspect();
  const bool is_uncertain = !failure.nothing_sent && !failure.has_final_head && is_write_;
  const bool is_cut = head_pulled_ || (failure.has_final_head && !is_resendable_);
  // A server that only takes its time would take it again.
  const bool is_merely_slow = failure.is_timeout && !server.is_doubtful();
  const bool may_retry = client_ != nullptr && !is_uncertain && !is_cut &&
                         failure.kind != UpstreamFailure::Kind::bad_message &&
                         (failure.nothing_sent || (is_resendable_ && !is_merely_slow));
  finish_drain(may_retry ? DrainEnd::moved : drain_end(is_uncertain));
  if (client_ == nullptr) return leave({});
  timed_out_ = failure.is_timeout;
  notes_.why = failure.what;
  if (!may_retry) note_end(timed_out_ ? EndedBy::timeout : EndedBy::server, failure.what);
  if (is_cut) {
    is_tunnel() && failure.is_timeout ? response_pipe_.finish() : response_pipe_.abort();
    return client_->on_response_ready();
  }
  if (is_uncertain) {
    speak_for_current_mode();
    return answer(environment_.notices.uncertain(context_, request_, failure.is_timeout ? 504 : 502));
  }
  if (!may_retry) {
    if (timed_out_) count_if_slow();
    return fail_without_server();
  }
  if (failure.was_reused) {
    // The server closed a connection that waited in the pool: it is not the server that failed.
    tried_servers_[index_of(server.id().side)] &= ~bit_of(server.id().server);
    must_connect_anew_ = true;
  }
  try_another();
}

void Exchange::try_another() {
  service_counters().retries.add();
  response_pipe_.reset();
  if (generation_ != environment_.current || epoch_ != generation_->state(service_).epoch) return judge_again();
  move_to(State::judging);
  try_next();
}

bool Exchange::has_other_server() const {
  const std::optional<Side> serving = serving_side(context_.state->mode);
  for (const Side side : kSides) {
    if (side != serving && !may_change_side()) continue;
    for (const auto& server : exchanges_.servers(service_, side)) {
      if (!(tried_servers_[index_of(side)] & bit_of(server->id().server)) && !server->is_silent()) return true;
    }
  }
  return false;
}

void Exchange::on_server_silent(ServerWatch& server) {
  if (!attempt_.is_active() || &attempt_.watch() != &server || client_ == nullptr) return;
  if (!may_move() && !attempt_.nothing_sent()) return;
  const bool is_as_judged = generation_ == environment_.current && epoch_ == generation_->state(service_).epoch;
  if (is_as_judged && !is_draining_ && !has_other_server()) return;
  attempt_.give_up();
  has_waited_ = true;
  finish_drain(DrainEnd::moved);
  notes_.why = "the server was silent for failover.read_fallback_after";
  try_another();
}

void Exchange::count_if_slow() {
  if (!is_resendable_ || notes_.sent_ms < 0) return;
  const int64_t waited_ms = environment_.wheel.now_ms() - notes_.sent_ms;
  if (waited_ms > context_.service->failover.read_fallback_after.count()) service_counters().slow_reads.add();
}

}  // namespace halfdoor
