#include "http/request_parser.h"

#include <optional>

#include "base/text.h"
#include "http/chars.h"
#include "http/field_rules.h"
#include "http/path.h"
#include "http/semantics.h"

namespace halfdoor {
namespace {

constexpr MessageError kFine{};

constexpr MessageError bad(std::string_view what) { return {400, what}; }

MessageError parse_request_line(std::string_view line, RequestHead& head) {
  if (line.empty()) return bad("empty request line");
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("request line without three parts");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  if (!is_token(head.method)) return bad("method is not a token");
  const std::optional<Version> version = parse_version(line.substr(last + 1));
  if (!version || version->major == 0) return bad("bad HTTP version");
  if (version->major > 1) return {505, "HTTP version above 1"};
  head.minor_version = version->minor == 0 ? 0 : 1;
  if (head.target.empty() || (common_class(head.target) & kTargetChar) == 0) return bad("bad byte in the target");
  if (head.method == "CONNECT" || head.method == "TRACE") return {405, "CONNECT and TRACE are not allowed"};
  return kFine;
}

// absolute-form (RFC 9112 3.2.2): leaves origin-form in head.target and the authority in head.authority.
MessageError take_absolute_form_apart(Arena& arena, RequestHead& head) {
  const size_t colon = head.target.find("://");
  if (colon == std::string_view::npos) return bad("target is neither origin-form nor absolute-form");
  const std::string_view scheme = head.target.substr(0, colon);
  if (!iequals(scheme, "http") && !iequals(scheme, "https")) return bad("scheme of the target is not http or https");
  const std::string_view rest = head.target.substr(colon + 3);
  const size_t path = rest.find_first_of("/?");
  head.authority = rest.substr(0, path);
  if (head.authority.empty()) return bad("absolute-form without authority");
  if (path == std::string_view::npos) {
    head.target = head.method == "OPTIONS" ? "*" : "/";
  } else {
    head.target = rest[path] == '/' ? rest.substr(path) : arena.concat({"/", rest.substr(path)});
  }
  return kFine;
}

MessageError parse_target(Arena& arena, RequestHead& head) {
  if (head.target.front() != '/' && head.target != "*") {
    const MessageError error = take_absolute_form_apart(arena, head);
    if (error.status != 0) return error;
  }
  if (head.target == "*") {
    head.path = head.target;
    return head.method == "OPTIONS" ? kFine : bad("target * without OPTIONS");
  }
  const size_t question = head.target.find('?');
  head.path = head.target.substr(0, question);
  head.has_query = question != std::string_view::npos;
  if (head.has_query) head.query = head.target.substr(question + 1);
  switch (check_path(head.path)) {
    case PathProblem::none: return kFine;
    case PathProblem::bad_escape: return bad("invalid escape in the path");
    case PathProblem::nul: return bad("%00 in the path");
    case PathProblem::above_root: return bad("path climbs above the root");
  }
  return kFine;
}

MessageError check_host(Arena& arena, RequestHead& head) {
  const size_t lines = head.fields.count(FieldId::host);
  if (lines > 1) return bad("several Host fields");
  if (lines == 0 && head.minor_version > 0) return bad("Host is missing");
  if (lines == 1) {
    const std::string_view value = head.fields.find(FieldId::host)->value;
    const std::optional<std::string_view> host = normalize_host(value, arena);
    if (!host) return bad("bad Host");
    if (head.authority.empty()) {
      head.authority = value;
      head.host = *host;
      return kFine;
    }
  }
  if (head.authority.empty()) return kFine;
  const std::optional<std::string_view> host = normalize_host(head.authority, arena);
  if (!host) return bad("bad authority in the target");
  head.host = *host;
  head.fields.set(FieldId::host, "Host", head.authority);
  return kFine;
}

// RFC 9112 6.3, without any of its leniency.
MessageError find_framing(RequestHead& head) {
  const size_t lengths = head.fields.count(FieldId::content_length);
  const size_t codings = head.fields.count(FieldId::transfer_encoding);
  if (lengths > 0 && codings > 0) return bad("Content-Length and Transfer-Encoding together");
  if (lengths > 1) return bad("several Content-Length fields");
  if (codings > 1) return bad("several Transfer-Encoding fields");
  if (lengths == 1) {
    const auto length = parse_content_length(head.fields.find(FieldId::content_length)->value);
    if (!length) return bad("bad Content-Length");
    head.framing = BodyFraming::length;
    head.content_length = *length;
    return kFine;
  }
  if (codings == 0) return kFine;
  if (head.minor_version == 0) return bad("Transfer-Encoding in HTTP/1.0");
  switch (classify_transfer_coding(head.fields.find(FieldId::transfer_encoding)->value)) {
    case TransferCoding::chunked: head.framing = BodyFraming::chunked; return kFine;
    case TransferCoding::unsupported: return {501, "unknown transfer coding"};
    case TransferCoding::malformed: break;
  }
  return bad("bad Transfer-Encoding");
}

MessageError read_expectation(RequestHead& head) {
  if (!head.fields.has(FieldId::expect)) return kFine;
  if (head.minor_version == 0) {
    head.fields.remove(FieldId::expect);
    return kFine;
  }
  bool is_known = true;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::expect) continue;
    for_each_element(field.value, [&](std::string_view element) {
      const bool is_continue = iequals(element, "100-continue");
      is_known = is_known && is_continue;
      head.expects_continue = head.expects_continue || is_continue;
    });
  }
  head.expects_continue = head.expects_continue && head.has_body();
  return is_known ? kFine : MessageError{417, "unknown expectation"};
}

MessageError read_connection(RequestHead& head) {
  const ConnectionOptions options = read_connection_options(head.fields);
  if (options.too_many) return bad("too many connection options");
  head.keep_alive = !options.close && (head.minor_version > 0 || options.keep_alive);
  for (const Field& field : head.fields) {
    if (field.id == FieldId::upgrade) {
      for_each_element(field.value, [&](std::string_view protocol) {
        const std::string_view name = trim(protocol.substr(0, protocol.find('/')));
        if (iequals(name, "websocket")) head.is_websocket_handshake = true;
      });
    } else if (field.id == FieldId::te) {
      for_each_element(field.value, [&](std::string_view coding) {
        if (iequals(coding, "trailers")) head.accepts_trailers = true;
      });
    }
  }
  return kFine;
}

}  // namespace

MessageError parse_request_head(std::string_view text, size_t most_fields, Arena& arena, RequestHead& head) {
  MessageError error = parse_request_line(take_line(text), head);
  if (error.status != 0) return error;
  switch (parse_fields(text, most_fields, head.fields, error.what)) {
    case FieldsOutcome::complete: break;
    case FieldsOutcome::too_many: return {431, "too many fields"};
    case FieldsOutcome::malformed: return bad(error.what);
  }
  for (const Field& field : head.fields) {
    if (field.id == FieldId::other && is_alias_of_known_field(field.name)) return bad("field name in disguise");
  }
  error = parse_target(arena, head);
  if (error.status == 0) error = check_host(arena, head);
  if (error.status == 0) error = find_framing(head);
  if (error.status == 0) error = read_connection(head);
  if (error.status == 0) error = read_expectation(head);
  return error;
}

}  // namespace halfdoor
