#include "http/response_parser.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/text.h"
#include "http/field_rules.h"
#include "http/semantics.h"

namespace halfdoor {
namespace {

// `HTTP/1.x SP 3DIGIT [ SP reason ]`. The blank behind the code is not insisted on: many servers leave it out with the
// reason, and nothing can be read differently.
std::string_view parse_status_line(std::string_view line, ResponseHead& head) {
  constexpr size_t kVersionBytes = 8;
  constexpr size_t kCodeEnd = kVersionBytes + 4;
  const std::optional<Version> version = parse_version(line.substr(0, kVersionBytes));
  if (!version || version->major != 1) return "bad HTTP version in the status line";
  head.minor_version = version->minor == 0 ? 0 : 1;
  if (line.size() < kCodeEnd || line[kVersionBytes] != ' ') return "bad status line";
  int status = 0;
  for (size_t i = kVersionBytes + 1; i < kCodeEnd; ++i) {
    if (!is_digit(line[i])) return "status code is not three digits";
    status = status * 10 + (line[i] - '0');
  }
  if (status < 100 || status > 599) return "status code out of range";
  head.status = status;
  if (line.size() == kCodeEnd) return {};
  if (line[kCodeEnd] != ' ') return "status code is not three digits";
  head.reason = line.substr(kCodeEnd + 1);
  return {};
}

std::string_view find_framing(bool is_head, ResponseHead& head) {
  const size_t lengths = head.fields.count(FieldId::content_length);
  const size_t codings = head.fields.count(FieldId::transfer_encoding);
  if (lengths > 0 && codings > 0) return "Content-Length and Transfer-Encoding together";
  if (lengths > 1) return "several Content-Length fields";
  if (codings > 1) return "several Transfer-Encoding fields";
  const bool has_no_body = is_head || head.is_interim() || head.status == 204 || head.status == 304;
  if (lengths == 1) {
    const auto length = parse_content_length(head.fields.find(FieldId::content_length)->value);
    if (!length) return "bad Content-Length";
    const bool may_say_length = !head.is_interim() && head.status != 204;
    if (may_say_length) head.content_length = *length;
    head.has_content_length = has_no_body && may_say_length;
    head.framing = has_no_body ? BodyFraming::none : BodyFraming::length;
    return {};
  }
  if (codings == 1) {
    if (head.minor_version == 0) return "Transfer-Encoding in HTTP/1.0";
    const std::string_view coding = head.fields.find(FieldId::transfer_encoding)->value;
    if (classify_transfer_coding(coding) != TransferCoding::chunked) return "Transfer-Encoding is not chunked";
    head.framing = has_no_body ? BodyFraming::none : BodyFraming::chunked;
    return {};
  }
  head.framing = has_no_body ? BodyFraming::none : BodyFraming::until_close;
  return {};
}

// "timeout=5, max=100"; what is no number is ignored.
int read_keep_alive_timeout(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  int timeout_s = -1;
  for_each_element(value, [&](std::string_view parameter) {
    if (timeout_s >= 0 || !iequals(parameter.substr(0, kName.size()), kName)) return;
    const std::optional<uint64_t> seconds = parse_unsigned(trim(parameter.substr(kName.size())));
    if (seconds) timeout_s = static_cast<int>(std::min<uint64_t>(*seconds, std::numeric_limits<int>::max()));
  });
  return timeout_s;
}

}  // namespace

std::string_view parse_response_head(std::string_view text, size_t most_fields, ResponseExpectation expectation,
                                     ResponseHead& head) {
  std::string_view what = parse_status_line(take_line(text), head);
  if (!what.empty()) return what;
  if (head.status == 101 && !expectation.upgrade_asked) return "101 that nobody asked for";
  switch (parse_fields(text, most_fields, head.fields, what)) {
    case FieldsOutcome::complete: break;
    case FieldsOutcome::too_many: return "too many fields";
    case FieldsOutcome::malformed: return what;
  }
  what = find_framing(expectation.is_head, head);
  if (!what.empty()) return what;
  const ConnectionOptions options = read_connection_options(head.fields);
  if (options.too_many) return "too many connection options";
  head.keep_alive =
      !options.close && (head.minor_version > 0 || options.keep_alive) && head.framing != BodyFraming::until_close;
  const Field* const keep_alive = head.fields.find(FieldId::keep_alive);
  if (keep_alive != nullptr) head.keep_alive_timeout_s = read_keep_alive_timeout(keep_alive->value);
  return {};
}

}  // namespace halfdoor
