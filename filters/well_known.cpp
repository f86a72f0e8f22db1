#include "filters/well_known.h"

#include <fmt/format.h>

#include "filters/notice.h"

namespace halfdoor {

namespace {

constexpr std::string_view kPath = "/.well-known/halfdoor";
constexpr std::string_view kEventsPath = "/.well-known/halfdoor/events";

std::string render(const ServiceConfig& service, const ServiceState& state) {
  const std::string until = state.until ? fmt::format("\"{}\"", format_rfc3339(*state.until)) : "null";
  return fmt::format(R"({{"service":"{}","mode":"{}","read_only":{},"since":"{}","until":{},"epoch":{}}})"
                     "\n",
                     service.name, to_text(state.mode), !writes_pass(state.mode), format_rfc3339(state.since), until,
                     state.epoch);
}

LocalReply refuse_method(Arena& arena) {
  LocalReply reply = BuiltInNotices().plain(arena, 405, "Only GET and HEAD are answered here.");
  reply.head.fields.set(FieldId::other, "Allow", "GET, HEAD");
  return reply;
}

}  // namespace

std::optional<LocalReply> WellKnownFilter::admit(const RequestContext& context, const RequestHead& head) {
  if (head.path.size() < kPath.size() || (head.path != kPath && head.path != kEventsPath)) return std::nullopt;
  const bool is_read = head.method == "GET" || head.method == "HEAD";
  LocalReply reply;
  if (!is_read) {
    reply = refuse_method(*context.arena);
  } else if (head.path == kEventsPath) {
    reply = BuiltInNotices().plain(*context.arena, 501, "This stream is not served yet.");
  } else {
    reply.head.status = 200;
    reply.head.reason = reason_phrase(200);
    reply.head.fields.add(FieldId::content_type, "Content-Type", "application/json");
    reply.head.fields.add(FieldId::cache_control, "Cache-Control", "no-store");
    reply.body = context.arena->copy(render(*context.service, *context.state));
  }
  reply.head.fields.add("Vary", "Origin");
  add_cors_fields(head, reply.head.fields);
  reply.discards_body = true;
  return reply;
}

}  // namespace halfdoor
