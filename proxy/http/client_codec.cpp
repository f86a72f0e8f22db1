#include "http/client_codec.h"

#include "http/response_parser.h"

namespace halfdoor {
namespace {

std::string_view describe(HeadScanner::Outcome outcome) {
  switch (outcome) {
    case HeadScanner::Outcome::bare_line_feed: return "bare LF in the head";
    case HeadScanner::Outcome::bare_carriage_return: return "bare CR in the head";
    case HeadScanner::Outcome::control_byte: return "control byte in the head";
    case HeadScanner::Outcome::start_line_too_long: return "status line too long";
    case HeadScanner::Outcome::head_too_large: return "head too large";
    case HeadScanner::Outcome::need_more:
    case HeadScanner::Outcome::complete: break;
  }
  return {};
}

}  // namespace

ResponseReader::ResponseReader(const MessageLimits& limits) : limits_(limits) {}

void ResponseReader::start(Arena& arena, ResponseHead& head, bool is_head, bool upgrade_asked) {
  arena_ = &arena;
  head_ = &head;
  head.clear();
  error_ = {};
  is_head_ = is_head;
  upgrade_asked_ = upgrade_asked;
  head_done_ = false;
  has_begun_ = false;
  scanner_.start(limits_.start_line, limits_.head, false);
}

bool ResponseReader::has_begun() const { return has_begun_; }

ReadEvent ResponseReader::read(std::string_view& input) {
  if (error_.status != 0) return ReadEvent::error;
  if (!head_done_) return read_head(input);
  switch (body_.read(input)) {
    case BodyReader::Outcome::need_more: return ReadEvent::need_more;
    case BodyReader::Outcome::piece: return ReadEvent::body;
    case BodyReader::Outcome::end: return ReadEvent::end;
    case BodyReader::Outcome::error: break;
  }
  return fail(body_.what());
}

ReadEvent ResponseReader::read_head(std::string_view& input) {
  if (input.empty()) return ReadEvent::need_more;
  has_begun_ = true;
  const HeadScanner::Outcome outcome = scanner_.scan(input);
  if (outcome == HeadScanner::Outcome::need_more) return ReadEvent::need_more;
  if (outcome != HeadScanner::Outcome::complete) return fail(describe(outcome));
  head_->clear();
  const std::string_view text = arena_->copy(scanner_.head());
  const std::string_view what = parse_response_head(text, limits_.fields, {is_head_, upgrade_asked_}, *head_);
  scanner_.forget_head();
  if (!what.empty()) return fail(what);
  if (head_->is_interim() && head_->status != 101) {
    scanner_.start(limits_.start_line, limits_.head, false);
    return ReadEvent::head;
  }
  head_done_ = true;
  body_.start(head_->framing, head_->content_length, limits_.of_body());
  return ReadEvent::head;
}

ReadEvent ResponseReader::finish() {
  if (error_.status != 0) return ReadEvent::error;
  if (!head_done_) return fail(has_begun_ ? "closed in the middle of a response" : "closed without a response");
  if (body_.is_at_end() || body_.ends_with_stream()) return ReadEvent::end;
  return fail("closed in the middle of a body");
}

ReadEvent ResponseReader::fail(std::string_view what) {
  error_ = {502, what};
  return ReadEvent::error;
}

}  // namespace halfdoor
