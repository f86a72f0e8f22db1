#include "http/semantics.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "base/text.h"
#include "http/chars.h"

namespace halfdoor {
namespace {

constexpr size_t kLongestHost = 255;  // of a name in DNS (RFC 1035 2.3.4)

bool is_hop_by_hop(FieldId id) {
  switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: return true;
    default: return false;
  }
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return iequals(text.substr(0, prefix.size()), prefix);
}

// Fields on whose presence somebody behind us relies: Connection cannot name them away. Every field that the proxy
// itself reads is one of them.
bool is_protected_field(std::string_view name) {
  if (find_field_id(name) != FieldId::other) return true;
  constexpr std::array<std::string_view, 6> kFamilies = {"access-control-", "content-", "if-", "sec-",
                                                         "x-forwarded-",    "x-real-"};
  constexpr std::array<std::string_view, 12> kNames = {
      "age",      "allow",           "etag",       "expires", "last-modified",
      "location", "range",           "set-cookie", "server",  "strict-transport-security",
      "vary",     "www-authenticate"};
  return std::any_of(kFamilies.begin(), kFamilies.end(),
                     [&](std::string_view family) { return starts_with_ignoring_case(name, family); }) ||
         std::any_of(kNames.begin(), kNames.end(), [&](std::string_view known) { return iequals(name, known); });
}

// The value of the Connection field number `index`; null if there are fewer.
const std::string_view* connection_value(const FieldList& fields, size_t index) {
  for (const Field& field : fields) {
    if (field.id == FieldId::connection && index-- == 0) return &field.value;
  }
  return nullptr;
}

}  // namespace

void remove_hop_by_hop(FieldList& fields) {
  // Named fields first: the Connection fields must still be there, and none of them can be named away.
  for (size_t index = 0;; ++index) {
    const std::string_view* const value = connection_value(fields, index);
    if (value == nullptr) break;
    for_each_element(std::string_view(*value), [&fields](std::string_view option) {
      if (iequals(option, "close") || is_protected_field(option)) return;
      fields.remove_if([option](const Field& field) { return iequals(field.name, option); });
    });
  }
  fields.remove_if([](const Field& field) { return is_hop_by_hop(field.id); });
}

namespace {

bool is_port(std::string_view text) {
  const std::optional<uint64_t> port = text.size() <= 5 ? parse_unsigned(text) : std::nullopt;
  return text.empty() || (port && *port <= 65535);
}

bool is_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.empty() || text.size() >= terminated.size()) return false;
  std::copy(text.begin(), text.end(), terminated.begin());
  in6_addr address{};
  return text.find('\0') == std::string_view::npos && inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

// Names and IPv4 addresses: labels of unreserved characters between single dots.
bool is_name(std::string_view host) {
  if (host.empty() || host.size() > kLongestHost || (common_class(host) & kHostChar) == 0) return false;
  return host.front() != '.' && host.back() != '.' && host.find("..") == std::string_view::npos;
}

}  // namespace

std::optional<std::string_view> normalize_host(std::string_view authority, Arena& arena) {
  if (authority.empty()) return std::nullopt;
  const bool is_literal = authority.front() == '[';
  size_t host_size = 0;
  if (is_literal) {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos || !is_ipv6(authority.substr(1, bracket - 1))) return std::nullopt;
    host_size = bracket + 1;
  } else {
    host_size = std::min(authority.find(':'), authority.size());
  }
  std::string_view host = authority.substr(0, host_size);
  const std::string_view rest = authority.substr(host_size);
  if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
  if (!is_literal) {
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    if (!is_name(host)) return std::nullopt;
  }
  char* const lower = arena.allocate(host.size());
  std::transform(host.begin(), host.end(), lower, ascii_lower);
  return std::string_view(lower, host.size());
}

bool is_token(std::string_view text) { return !text.empty() && (common_class(text) & kTokenChar) != 0; }

bool is_field_value(std::string_view text) { return (common_class(text) & kFieldValueChar) != 0; }

std::string format_http_date(int64_t unix_seconds) {
  using namespace std::chrono;
  static constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const sys_seconds time{seconds(unix_seconds)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::string text = "Ddd, 00 Mmm 0000 00:00:00 GMT";
  const auto put_number = [&text](size_t last, int64_t value) {
    for (size_t at = last; value > 0; --at, value /= 10) text[at] = static_cast<char>('0' + value % 10);
  };
  text.replace(0, 3, kDays.substr(size_t{weekday(day).c_encoding()} * 3, 3));
  put_number(6, static_cast<unsigned>(date.day()));
  text.replace(8, 3, kMonths.substr(size_t{static_cast<unsigned>(date.month()) - 1} * 3, 3));
  put_number(15, std::clamp(static_cast<int>(date.year()), 0, 9999));
  put_number(18, clock.hours().count());
  put_number(21, clock.minutes().count());
  put_number(24, clock.seconds().count());
  return text;
}

}  // namespace halfdoor
