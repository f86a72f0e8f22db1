// A request that read-only lets pass only if its body does: held until the body is there, then judged whole.
#include <string>

#include "exchange/exchange.h"

namespace halfdoor {

namespace {

std::string flatten(const SliceQueue& bytes, BlockPool& blocks) {
  SliceQueue copy(blocks);
  copy.copy_from(bytes, bytes.size());
  std::string flat;
  flat.reserve(copy.size());
  while (!copy.empty()) {
    const std::string_view piece = copy.front();
    flat.append(piece);
    copy.consume(piece.size());
  }
  return flat;
}

}  // namespace

bool Exchange::must_inspect() const {
  // Where writes pass nobody asks; where the service is closed nothing helps.
  if (!request_.has_body() || writes_pass(context_.state->mode) || context_.state->mode == Mode::closed) return false;
  // One with a body is ill-formed, whatever is in it.
  if (request_.is_websocket_handshake) return false;
  // Too large by its own word: refused on the head.
  if (request_.framing == BodyFraming::length && request_.content_length > environment_.limits().inspect_body) {
    return false;
  }
  return passes_read_only(request_, context_.service->read_only, findings_.get()).needs_body;
}

void Exchange::inspect() {
  move_to(State::inspecting);
  // Room for one byte too many, by which a chunked body shows that it is too large.
  request_pipe_.set_capacity(environment_.limits().inspect_body + 1, /*needs_whole=*/true);
  if (request_.expects_continue && !sent_continue_) {
    // No server has been asked that could say so.
    sent_continue_ = true;
    response_.clear();
    response_.status = 100;
    client_->on_interim_response(response_);
    response_.clear();
  }
  judge_if_complete();
  // It may have been stopped at the usual bound.
  if (state_ == State::inspecting) client_->on_request_room();
}

void Exchange::judge_if_complete() {
  const ReadOnlyConfig& rules = context_.service->read_only;
  if (request_pipe_.size() > environment_.limits().inspect_body) {
    findings_ = std::make_unique<BodyFindings>(findings_of_large_body(request_, rules));
  } else if (request_pipe_.end() == BodyPipe::End::complete) {
    findings_ = std::make_unique<BodyFindings>(
        inspect_body(request_, flatten(request_pipe_.bytes(), environment_.blocks), rules));
  } else {
    return;
  }
  judge();
}

}  // namespace halfdoor
