#include "http/server_codec.h"

#include "http/request_parser.h"

namespace halfdoor {
namespace {

MessageError error_of(HeadScanner::Outcome outcome) {
  switch (outcome) {
    case HeadScanner::Outcome::bare_line_feed: return {400, "bare LF in the head"};
    case HeadScanner::Outcome::bare_carriage_return: return {400, "bare CR in the head"};
    case HeadScanner::Outcome::control_byte: return {400, "control byte in the head"};
    case HeadScanner::Outcome::start_line_too_long: return {414, "request line too long"};
    case HeadScanner::Outcome::head_too_large: return {431, "head too large"};
    case HeadScanner::Outcome::need_more:
    case HeadScanner::Outcome::complete: break;
  }
  return {};
}

}  // namespace

RequestReader::RequestReader(const MessageLimits& limits) : limits_(limits) {}

void RequestReader::start(Arena& arena, RequestHead& head) {
  arena_ = &arena;
  head_ = &head;
  head.clear();
  error_ = {};
  head_done_ = false;
  scanner_.start(limits_.start_line, limits_.head, true);
}

bool RequestReader::has_begun() const { return scanner_.has_begun(); }

ReadEvent RequestReader::read(std::string_view& input) {
  if (error_.status != 0) return ReadEvent::error;
  if (!head_done_) return read_head(input);
  switch (body_.read(input)) {
    case BodyReader::Outcome::need_more: return ReadEvent::need_more;
    case BodyReader::Outcome::piece: return ReadEvent::body;
    case BodyReader::Outcome::end: return ReadEvent::end;
    case BodyReader::Outcome::error: break;
  }
  return fail({400, body_.what()});
}

ReadEvent RequestReader::read_head(std::string_view& input) {
  const HeadScanner::Outcome outcome = scanner_.scan(input);
  if (outcome == HeadScanner::Outcome::need_more) return ReadEvent::need_more;
  if (outcome != HeadScanner::Outcome::complete) return fail(error_of(outcome));
  const MessageError error = parse_request_head(arena_->copy(scanner_.head()), limits_.fields, *arena_, *head_);
  scanner_.forget_head();
  if (error.status != 0) return fail(error);
  head_done_ = true;
  body_.start(head_->framing, head_->content_length, limits_.of_body());
  return ReadEvent::head;
}

ReadEvent RequestReader::fail(MessageError error) {
  error_ = error;
  return ReadEvent::error;
}

ResponseFraming choose_response_framing(const RequestHead& request, const ResponseHead& response, bool wants_close) {
  if (response.is_interim()) return {BodyFraming::none, false};
  ResponseFraming chosen{BodyFraming::none, wants_close || !request.keep_alive};
  if (request.method == "HEAD" || response.status == 204 || response.status == 304) return chosen;
  switch (response.framing) {
    case BodyFraming::none:
    case BodyFraming::length: chosen.framing = BodyFraming::length; break;
    case BodyFraming::chunked:
    case BodyFraming::until_close:
      if (request.minor_version == 0) {
        chosen = {BodyFraming::until_close, true};
      } else {
        chosen.framing = BodyFraming::chunked;
      }
      break;
  }
  return chosen;
}

}  // namespace halfdoor
