// Answers of an exchange that are made here instead of by a server.
#include <utility>

#include "exchange/exchange.h"

namespace halfdoor {

void Exchange::speak_for_current_mode() {
  if (generation_ == nullptr || generation_ == environment_.current) return;
  const uint64_t epoch = epoch_;
  const Mode mode = notes_.mode;
  drop_generation();
  hold_generation();
  epoch_ = epoch;
  notes_.mode = mode;
}

void Exchange::fail_without_server() {
  note_end(timed_out_ ? EndedBy::timeout : EndedBy::server, notes_.why);
  speak_for_current_mode();
  answer(environment_.notices.unreachable(context_, request_, lacks_means_ ? 503 : timed_out_ ? 504 : 502));
}

void Exchange::answer_plain(int status, std::string_view what) {
  if (notes_.why.empty()) notes_.why = what;
  answer(environment_.notices.plain(arena_, status, what));
}

void Exchange::answer(LocalReply reply) {
  speak_for_current_mode();
  move_to(State::local);
  response_.clear();
  response_pipe_.reset();
  response_ = std::move(reply.head);
  response_.framing = BodyFraming::length;
  response_.content_length = reply.body.size();
  notes_.local = reply.outcome;
  context_.is_local_reply = true;
  context_.is_fallback = false;
  if (generation_ != nullptr) {
    for (Filter* filter : generation_->chain(service_).rewrite_response) filter->rewrite_response(context_, response_);
  }
  if (request_.method != "HEAD") response_pipe_.push(reply.body, {});
  response_pipe_.finish();
  closes_client_ = reply.closes;
  if (reply.discards_body) discard_limit_ = environment_.limits().refused_body;
  if (client_ != nullptr) return client_->on_response_ready();
  leave({});
}

void Exchange::refuse(ExchangeClient& client, int status, std::string_view why) {
  client_ = &client;
  if (state_ == State::reading) {
    // The context of an exchange that never started is filled in part: nothing else of it is used by a plain answer.
    environment_.counters.exchanges.add();
    environment_.counters.bad_requests.add();
  }
  const bool is_answered = state_ == State::relaying && !attempt_.is_active();
  if (attempt_.is_active()) finish_drain(drain_end(attempt_.abandon(why)));
  closes_client_ = true;
  if (state_ == State::local || state_ == State::done || is_answered) return;
  note_end(status == 408 ? EndedBy::timeout : EndedBy::halfdoor, why);
  if (head_pulled_) {
    response_pipe_.abort();
    return client_->on_response_ready();
  }
  answer_plain(status, why);
  closes_client_ = true;
}

}  // namespace halfdoor
