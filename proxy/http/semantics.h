// What RFC 9110 asks of an intermediary whatever is configured: hop-by-hop fields, hosts, negotiation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/head.h"

namespace halfdoor {

// Removes Connection, what it names, and the fields that are hop-by-hop by definition (RFC 9110 7.6.1): Keep-Alive, TE,
// Transfer-Encoding, Upgrade, Proxy-Connection, Proxy-Authenticate/-Authorization, HTTP2-Settings, Trailer; and
// Content-Length, which is framing and is written anew. Connection cannot name away Host, Content-*, Authorization,
// Cookie, X-Forwarded-*, Forwarded, override fields and the like: see is_protected_field in the implementation.
void remove_hop_by_hop(FieldList& fields);

// Host or authority in normal form, copied to the arena: lower case, without port and one trailing dot; IPv6 in
// brackets kept. Null if it is not `uri-host [ ":" port ]` (RFC 3986 3.2.2): userinfo, path, comma, blank, empty, port
// above 65535. Stricter than the RFC where no honest name goes: no escapes, sub-delims, empty labels, zones or
// IPvFuture.
std::optional<std::string_view> normalize_host(std::string_view authority, Arena& arena);

bool is_token(std::string_view text);        // RFC 9110 5.6.2
bool is_field_value(std::string_view text);  // no control byte but tab
// Calls `visit(element)` for each non-empty element of a comma-separated list (RFC 9110 5.6.1).
template <class Visit>
void for_each_element(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (!element.empty()) visit(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Methods that change nothing by definition and that the proxy forwards (RFC 9110 9.2.1 without TRACE).
constexpr bool is_safe_method(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// Which of `available` (e.g. "text/html", "application/problem+json", "text/plain") an Accept field prefers
// (RFC 9110 12.5.1: q-values, wildcards, most specific range). Null: the field is absent, empty, or accepts only by
// */*.
std::optional<size_t> negotiate_type(const FieldList& fields, const std::string_view* available, size_t count);
// Which of `available` language tags Accept-Language prefers (RFC 4647 lookup: "de-CH" finds "de"). Null: none. The
// same bounds.
std::optional<size_t> negotiate_language(const FieldList& fields, const std::string_view* available, size_t count);

// "Sun, 22 Nov 2026 16:38:44 GMT" (RFC 9110 5.6.7), 29 bytes.
std::string format_http_date(int64_t unix_seconds);

}  // namespace halfdoor
