#include "filters/notice.h"

#include <fmt/format.h>

#include <algorithm>

#include "exchange/override.h"
#include "filters/notice_page.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

// In the order of preference where a client likes several alike.
constexpr std::string_view kOfferedTypes[] = {"text/html", "application/problem+json", "application/json", "text/plain",
                                              "application/xhtml+xml"};
constexpr NoticeFormat kOfferedFormats[] = {NoticeFormat::html, NoticeFormat::json, NoticeFormat::json,
                                            NoticeFormat::text, NoticeFormat::html};

NoticeFormat choose_format(const RequestHead& request) {
  if (const auto chosen = negotiate_type(request.fields, kOfferedTypes, std::size(kOfferedTypes))) {
    return kOfferedFormats[*chosen];
  }
  const Field* dest = request.fields.find(FieldId::sec_fetch_dest);
  const bool is_script = dest != nullptr && dest->value == "empty";
  if (is_script || request.fields.has(FieldId::x_requested_with) || find_body_form(request.fields) == BodyForm::json) {
    return NoticeFormat::json;
  }
  const Field* mode = request.fields.find(FieldId::sec_fetch_mode);
  return mode != nullptr && mode->value == "navigate" ? NoticeFormat::html : NoticeFormat::text;
}

const NoticeText& choose_text(const RequestHead& request) {
  const auto languages = notice_languages();
  return notice_texts()[negotiate_language(request.fields, languages.data(), languages.size()).value_or(0)];
}

// Up to a quarter later than configured, so that those who were refused together do not come back together.
int64_t jittered_retry_after(const ServiceConfig& service, uint32_t jitter) {
  const int64_t base = std::max<int64_t>(1, service.read_only.retry_after.count() / 1000);
  return base + static_cast<int64_t>((static_cast<uint64_t>(jitter) * static_cast<uint64_t>(base / 4 + 1)) >> 32);
}

NoticeFacts gather_facts(const ServiceConfig& service, const ServiceState& state, NoticeKind kind) {
  NoticeFacts facts;
  facts.kind = kind;
  facts.status = service.read_only.status;
  facts.service = service.name;
  facts.mode = state.mode;
  facts.since = state.since;
  facts.until = state.until;
  facts.contact = service.read_only.contact;
  return facts;
}

constexpr std::string_view kContentPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; "
    "frame-ancestors 'self'";

LocalReply make_reply(const RequestContext& context, const RequestHead& request, NoticeFacts facts) {
  Arena& arena = *context.arena;
  const NoticeFormat format = choose_format(request);
  facts.text = &choose_text(request);
  facts.is_form = !is_safe_method(request.method);
  facts.shows_until = facts.until && *facts.until > WallTime(std::chrono::seconds(context.wall_seconds));

  LocalReply reply;
  reply.head.status = facts.status;
  reply.head.reason = reason_phrase(facts.status);
  FieldList& fields = reply.head.fields;
  fields.add(FieldId::content_type, "Content-Type", content_type_of(format));
  fields.add("Content-Language", facts.text->language);
  fields.add(FieldId::cache_control, "Cache-Control", "no-store");
  fields.add("Vary", "Accept, Accept-Language, Origin");
  fields.add("X-Content-Type-Options", "nosniff");
  if (format == NoticeFormat::html) fields.add("Content-Security-Policy", kContentPolicy);
  if (facts.retry_after_s > 0) {
    fields.add(FieldId::retry_after, "Retry-After", arena.copy(fmt::format_int(facts.retry_after_s).c_str()));
  }
  add_cors_fields(request, fields);
  reply.body = arena.copy(render(facts, format));
  return reply;
}

constexpr bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

// scheme "://" host [ ":" port ] (RFC 6454 6.2); "null" too: a page without an origin may read what anybody may.
bool is_valid_origin(std::string_view origin) {
  if (origin == "null") return true;
  const size_t colon = origin.find("://");
  if (colon == std::string_view::npos || colon == 0 || !is_letter(origin.front())) return false;
  for (char c : origin.substr(0, colon)) {
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  }
  std::string_view host = origin.substr(colon + 3);
  const bool is_ipv6 = !host.empty() && host.front() == '[';
  const size_t host_end = is_ipv6 ? host.find(']') + 1 : host.find(':');
  if (is_ipv6 && host_end == 0) return false;
  if (host_end < host.size()) {
    const std::string_view port = host.substr(host_end + 1);
    const auto number = parse_unsigned(port);
    if (host[host_end] != ':' || !number || *number > 65535) return false;
    host = host.substr(0, host_end);
  }
  if (is_ipv6) host = host.substr(1, host.size() - 2);
  if (host.empty()) return false;
  return std::all_of(host.begin(), host.end(), [is_ipv6](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || (is_ipv6 ? c == ':' : (c == '-' || c == '_'));
  });
}

}  // namespace

std::optional<NoticeFormat> parse_notice_format(std::string_view text) {
  if (text == "html") return NoticeFormat::html;
  if (text == "json") return NoticeFormat::json;
  if (text == "text") return NoticeFormat::text;
  return std::nullopt;
}

std::string render_notice(const ServiceConfig& service, const ServiceState& state, std::string_view language,
                          NoticeFormat format) {
  NoticeFacts facts =
      gather_facts(service, state, state.mode == Mode::closed ? NoticeKind::closed : NoticeKind::read_only);
  facts.retry_after_s = jittered_retry_after(service, 0);
  FieldList wanted;
  wanted.add(FieldId::accept_language, "Accept-Language", language);
  const auto languages = notice_languages();
  facts.text = &notice_texts()[negotiate_language(wanted, languages.data(), languages.size()).value_or(0)];
  return render(facts, format);
}

void add_cors_fields(const RequestHead& request, FieldList& fields) {
  const Field* origin = request.fields.find(FieldId::origin);
  if (origin == nullptr || request.fields.count(FieldId::origin) != 1 || !is_valid_origin(origin->value)) return;
  fields.add("Access-Control-Allow-Origin", origin->value);
  fields.add("Access-Control-Allow-Credentials", "true");
  fields.add("Access-Control-Expose-Headers", "Halfdoor-Mode, Retry-After");
}

LocalReply BuiltInNotices::refuse(const RequestContext& context, const RequestHead& request) {
  const bool is_closed = context.state->mode == Mode::closed;
  NoticeFacts facts =
      gather_facts(*context.service, *context.state, is_closed ? NoticeKind::closed : NoticeKind::read_only);
  facts.retry_after_s = jittered_retry_after(*context.service, context.jitter);
  LocalReply reply = make_reply(context, request, facts);
  reply.discards_body = true;
  reply.outcome = Outcome::refused;
  return reply;
}

LocalReply BuiltInNotices::unreachable(const RequestContext& context, const RequestHead& request, int status) {
  const bool is_read = is_safe_method(request.method);
  NoticeFacts facts = gather_facts(*context.service, *context.state,
                                   is_read ? NoticeKind::unreachable_read : NoticeKind::unreachable_write);
  facts.status = status;
  facts.retry_after_s = jittered_retry_after(*context.service, context.jitter);
  LocalReply reply = make_reply(context, request, facts);
  reply.outcome = Outcome::unreachable;
  return reply;
}

LocalReply BuiltInNotices::uncertain(const RequestContext& context, const RequestHead& request, int status) {
  NoticeFacts facts = gather_facts(*context.service, *context.state, NoticeKind::uncertain);
  facts.status = status;
  facts.request_id = context.request_id;
  return make_reply(context, request, facts);
}

LocalReply BuiltInNotices::plain(Arena& arena, int status, std::string_view what) {
  LocalReply reply;
  reply.outcome = status == 503 ? Outcome::local : Outcome::bad_request;
  reply.head.status = status;
  reply.head.reason = reason_phrase(status);
  reply.head.fields.add(FieldId::content_type, "Content-Type", "text/plain; charset=utf-8");
  reply.head.fields.add(FieldId::cache_control, "Cache-Control", "no-store");
  // RFC 9110 15.5.6 asks for it; only CONNECT and TRACE are answered so, and any other method may mean something to a
  // host.
  if (status == 405) reply.head.fields.add("Allow", "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
  const fmt::format_int number(status);
  reply.body =
      arena.concat({{number.data(), number.size()}, " ", reply.head.reason, what.empty() ? "" : "\n", what, "\n"});
  return reply;
}

}  // namespace halfdoor
