#include "filters/forwarded.h"

#include <cstring>

#include "base/text.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr std::string_view kUnixPeer = "unix:";

constexpr bool is_alphanumeric(char c) {
  const char lower = ascii_lower(c);
  return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

// "X-Forwarded-" and anything behind it, with whatever sign in place of "-": to CGI they are the same name.
bool begins_like_forwarded(std::string_view name) {
  constexpr std::string_view kBeginning = "x-forwarded-";
  if (name.size() < kBeginning.size()) return false;
  for (size_t i = 0; i < kBeginning.size(); ++i) {
    const bool fits = kBeginning[i] == '-' ? !is_alphanumeric(name[i]) : ascii_lower(name[i]) == kBeginning[i];
    if (!fits) return false;
  }
  return true;
}

bool is_forwarded(const Field& field) {
  switch (field.id) {
    case FieldId::forwarded:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_port:
    case FieldId::x_forwarded_proto: return true;
    case FieldId::other: return begins_like_forwarded(field.name);
    default: return false;
  }
}

// All lines of a list field and `element`, as one line.
std::string_view append_element(Arena& arena, const FieldList& fields, FieldId id, std::string_view element) {
  size_t bytes = element.size();
  for (const Field& field : fields) {
    if (field.id == id && !field.value.empty()) bytes += field.value.size() + 2;
  }
  char* const start = arena.allocate(bytes);
  char* at = start;
  const auto put = [&](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  for (const Field& field : fields) {
    if (field.id != id || field.value.empty()) continue;
    put(field.value);
    put(", ");
  }
  put(element);
  return {start, bytes};
}

// Behind the last colon, which an IPv6 address in brackets leaves to the port; empty where there is none.
std::string_view port_of(std::string_view server_name) {
  const size_t colon = server_name.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view port = server_name.substr(colon + 1);
  return parse_unsigned(port) ? port : std::string_view{};
}

// One element of Forwarded (RFC 7239 4). An IPv6 address is quoted and in brackets; a host with a port is quoted.
std::string_view make_forwarded(const RequestContext& context, std::string_view authority) {
  const std::string_view address = context.client_address;
  const bool is_known = !address.empty() && address != kUnixPeer;
  const bool is_ipv6 = is_known && address.find(':') != std::string_view::npos;
  const std::string_view quote = is_token(authority) ? "" : "\"";
  const bool has_host = !authority.empty();
  return context.arena->concat({is_ipv6 ? "for=\"[" : "for=", is_known ? address : "unknown", is_ipv6 ? "]\"" : "",
                                has_host ? ";host=" : "", has_host ? quote : "", authority, has_host ? quote : "",
                                ";proto=", context.is_tls ? "https" : "http"});
}

void set_if_missing(FieldList& fields, FieldId id, std::string_view name, std::string_view value) {
  if (!value.empty() && !fields.has(id)) fields.add(id, name, value);
}

}  // namespace

void ForwardedFilter::rewrite_request(const RequestContext& context, RequestHead& head) {
  FieldList& fields = head.fields;
  if (!context.peer_is_trusted) fields.remove_if(is_forwarded);

  const std::string_view authority = context.request->authority;
  const bool begins_forwarded = fields.has(FieldId::forwarded) || !fields.has(FieldId::x_forwarded_for);
  if (begins_forwarded) {
    fields.set(FieldId::forwarded, "Forwarded",
               append_element(*context.arena, fields, FieldId::forwarded, make_forwarded(context, authority)));
  }
  // A Unix socket has no address to name.
  if (context.client_address != kUnixPeer && !context.client_address.empty()) {
    fields.set(FieldId::x_forwarded_for, "X-Forwarded-For",
               append_element(*context.arena, fields, FieldId::x_forwarded_for, context.client_address));
  }
  set_if_missing(fields, FieldId::x_forwarded_host, "X-Forwarded-Host", authority);
  set_if_missing(fields, FieldId::x_forwarded_port, "X-Forwarded-Port", port_of(context.server_name));
  set_if_missing(fields, FieldId::x_forwarded_proto, "X-Forwarded-Proto", context.is_tls ? "https" : "http");
}

}  // namespace halfdoor
