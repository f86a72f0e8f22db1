#include "exchange/exchange.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "exchange/exchanges.h"
#include "exchange/websocket.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr size_t kLongestRequestId = 128;

std::string_view hex_id(uint64_t high, uint64_t low, Arena& arena) {
  constexpr char kDigits[] = "0123456789abcdef";
  char* const text = arena.allocate(32);
  for (int i = 0; i < 16; ++i) {
    text[i] = kDigits[(high >> (60 - 4 * i)) & 15];
    text[16 + i] = kDigits[(low >> (60 - 4 * i)) & 15];
  }
  return {text, 32};
}

bool is_usable_id(std::string_view id) {
  return !id.empty() && id.size() <= kLongestRequestId &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

}  // namespace

Exchange::Exchange(ExchangeEnvironment& environment, Exchanges& exchanges)
    : environment_(environment),
      exchanges_(exchanges),
      arena_(&environment.blocks.budget()),
      request_pipe_(environment.blocks, environment.limits().buffer),
      response_pipe_(environment.blocks, environment.limits().buffer),
      attempt_(environment, *this),
      switch_deadline_(environment.wheel, *this) {}

void Exchange::move_to(State next) {
  switch (next) {
    case State::reading: HALFDOOR_CHECK(state_ == State::done); break;
    case State::judging: HALFDOOR_CHECK(state_ != State::local && state_ != State::done); break;
    case State::inspecting: HALFDOOR_CHECK(state_ == State::judging); break;
    case State::attempting: HALFDOOR_CHECK(state_ == State::judging || state_ == State::attempting); break;
    case State::relaying:
    case State::tunnel: HALFDOOR_CHECK(state_ == State::attempting); break;
    case State::local: HALFDOOR_CHECK(state_ != State::done && state_ != State::local); break;
    case State::done: HALFDOOR_CHECK(state_ != State::done && !attempt_.is_active()); break;
  }
  state_ = next;
}

std::string_view Exchange::state_text() const {
  switch (state_) {
    case State::reading: return "reading";
    case State::judging: return "judging";
    case State::inspecting: return "inspecting";
    case State::attempting:
      switch (attempt_.state()) {
        case Attempt::State::idle:
        case Attempt::State::connecting: return "waiting";
        case Attempt::State::sending: return "sending";
        case Attempt::State::awaiting:
        case Attempt::State::receiving:
        case Attempt::State::tunnelling: return "awaiting";
      }
      return "waiting";
    case State::relaying: return "relaying";
    case State::tunnel: return "tunnel";
    case State::local: return "local";
    case State::done: return "done";
  }
  return "";
}

void Exchange::start(ExchangeClient& client) {
  client_ = &client;
  discard_limit_ = kLingerBytes;
  environment_.counters.exchanges.add();
  context_.request = &request_;
  // A write may outlive its client's connection.
  context_.client_address = arena_.copy(context_.client_address);
  context_.wall_seconds = environment_.wall_clock.unix_ms() / 1000;
  context_.jitter = static_cast<uint32_t>(environment_.random.next());
  make_request_id();
  if (!choose_service()) {
    environment_.counters.bad_requests.add();
    return answer_plain(421, "no service here has this host name");
  }
  service_counters().requests.add();
  hold_generation();
  judge();
}

void Exchange::make_request_id() {
  if (context_.peer_is_trusted) {
    const Field* given = request_.fields.find(FieldId::x_request_id);
    if (given != nullptr && is_usable_id(given->value)) request_id_ = given->value;
  }
  if (request_id_.empty()) request_id_ = hex_id(environment_.random.next(), environment_.random.next(), arena_);
  context_.request_id = request_id_;
}

bool Exchange::choose_service() {
  const Snapshot& snapshot = *environment_.current->snapshot;
  std::optional<size_t> found = snapshot.base->hosts.find(request_.host);
  // HTTP/1.0 without Host names no service; where there is only one, it is meant.
  if (!found && request_.host.empty() && snapshot.config().services.size() == 1) found = 0;
  if (!found) return false;
  service_ = static_cast<uint16_t>(*found);
  has_service_ = true;
  return true;
}

void Exchange::hold_generation() {
  HALFDOOR_CHECK(generation_ == nullptr);
  generation_ = environment_.current;
  ++generation_->holders;
  epoch_ = generation_->state(service_).epoch;
  notes_.mode = generation_->state(service_).mode;
  context_.config = &environment_.config();
  context_.service = &context_.config->services[service_];
  context_.state = &generation_->state(service_);
}

void Exchange::drop_generation() {
  if (generation_ == nullptr) return;
  --generation_->holders;
  generation_ = nullptr;
}

void Exchange::judge() {
  move_to(State::judging);
  tried_servers_ = {};
  notes_.forget_attempt();
  must_connect_anew_ = timed_out_ = has_waited_ = lacks_means_ = false;
  context_.is_local_reply = context_.is_fallback = is_fallback_ = false;
  context_.body = findings_.get();
  request_pipe_.set_capacity(environment_.limits().buffer);
  if (must_inspect()) return inspect();
  for (Filter* filter : generation_->chain(service_).admit) {
    if (std::optional<LocalReply> reply = filter->admit(context_, request_)) return answer(std::move(*reply));
  }
  const ReadOnlyConfig& rules = context_.service->read_only;
  is_resendable_ = may_be_resent(request_, rules);
  is_write_ = !is_resendable_ && !is_mere_handshake(request_, rules);
  decision_ = is_resendable_ ? ReadOnlyDecision{ReadOnlyVerdict::passes, {}}
                             : passes_read_only(request_, rules, findings_.get());
  if (request_.is_websocket_handshake && refuse_bad_handshake()) return;
  try_next();
}

void Exchange::judge_again() {
  response_pipe_.reset();
  response_.clear();
  drop_generation();
  hold_generation();
  judge();
}

const RequestHead& Exchange::make_request(ServerId server) {
  notes_.sent_ms = environment_.wheel.now_ms();
  outgoing_ = request_;
  remove_hop_by_hop(outgoing_.fields);
  // The client has been told already.
  if (sent_continue_) outgoing_.fields.remove(FieldId::expect);
  if (outgoing_.is_websocket_handshake) add_websocket_upgrade(outgoing_.fields);
  if (forwards_trailers()) announce_trailers();
  if (outgoing_.authority.empty()) {
    std::string_view host = context_.service->side(server.side).servers[server.server].name;
    for (const std::string& name : context_.service->hosts) {
      if (name.starts_with("*")) continue;
      host = name;
      break;
    }
    outgoing_.fields.set(FieldId::host, "Host", host);
  }
  for (Filter* filter : generation_->chain(service_).rewrite_request) filter->rewrite_request(context_, outgoing_);
  return outgoing_;
}

WriteIdentity Exchange::write_identity(ServerId server) const {
  WriteIdentity identity;
  identity.wall_ms = environment_.wall_clock.unix_ms();
  identity.request_id = request_id_;
  identity.service = context_.service->name;
  identity.epoch = epoch_;
  identity.method = request_.method;
  identity.path = request_.target;
  identity.client = context_.client_address;
  identity.side = server.side;
  identity.server = context_.service->side(server.side).servers[server.server].name;
  return identity;
}

void Exchange::on_request_pulled() {
  if (client_ != nullptr && !request_pipe_.is_full()) client_->on_request_room();
}

void Exchange::on_interim_head() {
  remove_hop_by_hop(response_.fields);
  if (response_.status == 100) sent_continue_ = true;
  if (client_ != nullptr && request_.minor_version > 0) client_->on_interim_response(response_);
}

void Exchange::on_final_head() {
  move_to(State::relaying);
  notes_.server_status = response_.status;
  notes_.first_byte_ms = environment_.wheel.now_ms();
  if (is_fallback_) service_counters().fallback_reads.add();
  count_if_slow();
  if (client_ == nullptr) {
    // The outcome of an abandoned write is known now, and that was all that was waited for.
    finish_drain(drain_end(attempt_.abandon({})));
    return leave({});
  }
  clean_response_fields();
  speak_for_current_mode();
  for (Filter* filter : generation_->chain(service_).rewrite_response) filter->rewrite_response(context_, response_);
  client_->on_response_ready();
}

void Exchange::on_body(std::string_view bytes, const BlockRef& holder) {
  response_pipe_.push(bytes, holder);
  client_->on_response_ready();
}

void Exchange::on_end() {
  if (is_tunnel()) note_tunnel_end();
  response_pipe_.finish();
  if (!attempt_.is_active()) finish_drain(drain_end(false));
  client_->on_response_ready();
}

void Exchange::on_head_pulled() {
  head_pulled_ = true;
  // From here on nothing is judged or rewritten any more: a long download does not keep an old snapshot alive.
  drop_generation();
}

void Exchange::on_body_pulled(size_t bytes) {
  bytes_out_ += bytes;
  if (attempt_.is_active() && !response_pipe_.is_full()) attempt_.resume_reading();
}

void Exchange::on_ledger_full() {
  if (exchanges_.complains_of_ledger()) {
    log_error("{}: {} writes are in flight, refused another; raise limits.writes_in_flight", context_.service->name,
              environment_.limits().writes_in_flight);
  }
  answer_plain(503, "too many writes are in flight; nothing was sent");
}

void Exchange::leave(std::string_view why, size_t unsent) {
  note_leave(why);
  notes_.unsent += unsent;
  if (attempt_.is_active()) {
    const bool may_learn_outcome =
        is_write_ && !attempt_.nothing_sent() && attempt_.is_request_complete() && !attempt_.has_final_head();
    client_ = nullptr;
    if (may_learn_outcome) {
      if (!std::exchange(is_orphan_, true)) exchanges_.on_orphaned();
      return;
    }
    finish_drain(drain_end(attempt_.abandon(why)));
  }
  client_ = nullptr;
  if (std::exchange(is_orphan_, false)) exchanges_.on_orphan_ended();
  switch_deadline_.clear();
  drop_generation();
  // One that never started was not counted.
  if (state_ != State::reading) environment_.counters.exchanges.subtract();
  if (has_service_) {
    const auto status_class = static_cast<size_t>(has_response() ? response_.status / 100 : 0);
    service_counters().responses[status_class].add();
  }
  write_log();
  move_to(State::done);
  exchanges_.recycle(*this);
}

void Exchange::recycle() {
  move_to(State::reading);
  request_.clear();
  outgoing_.clear();
  response_.clear();
  request_pipe_.reset();
  response_pipe_.reset();
  arena_.reset();
  request_id_ = request_trailers_ = response_trailers_ = {};
  decision_ = {};
  notes_ = {};
  findings_.reset();
  context_.body = nullptr;
  epoch_ = bytes_out_ = 0;
  has_service_ = is_resendable_ = is_fallback_ = must_connect_anew_ = timed_out_ = has_waited_ = lacks_means_ = false;
  head_pulled_ = closes_client_ = sent_continue_ = is_stopping_ = false;
  is_write_ = true;
}

}  // namespace halfdoor
