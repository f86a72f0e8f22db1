#include "http/field_rules.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "http/chars.h"
#include "http/semantics.h"

namespace halfdoor {
namespace {

constexpr size_t kMostConnectionOptions = 64;
constexpr size_t kLongestKnownName = 32;

// `coding *( OWS ";" OWS token "=" token )`. Quoted parameters are left out: no coding that is in use has one.
bool is_transfer_coding(std::string_view element) {
  const size_t semicolon = element.find(';');
  if (!is_token(trim(element.substr(0, semicolon)))) return false;
  if (semicolon == std::string_view::npos) return true;
  std::string_view rest = element.substr(semicolon + 1);
  while (true) {
    const size_t next = rest.find(';');
    const std::string_view parameter = trim(rest.substr(0, next));
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || !is_token(parameter.substr(0, equals)) ||
        !is_token(parameter.substr(equals + 1))) {
      return false;
    }
    if (next == std::string_view::npos) return true;
    rest.remove_prefix(next + 1);
  }
}

}  // namespace

std::string_view parse_field_line(std::string_view line, Field& field) {
  if (line.empty()) return "empty field line";
  if (line.front() == ' ' || line.front() == '\t') return "folded line or space before a field";
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return "field line without colon";
  field.name = line.substr(0, colon);
  if (!is_token(field.name)) return colon == 0 ? "empty field name" : "field name is not a token";
  field.value = trim(line.substr(colon + 1));
  field.id = find_field_id(field.name);
  return {};
}

std::string_view take_line(std::string_view& text) {
  const size_t cr = text.find('\r');
  const std::string_view line = text.substr(0, cr);
  text.remove_prefix(cr == std::string_view::npos ? text.size() : std::min(cr + 2, text.size()));
  return line;
}

FieldsOutcome parse_fields(std::string_view text, size_t most_fields, FieldList& fields, std::string_view& what) {
  while (!text.empty()) {
    Field field;
    what = parse_field_line(take_line(text), field);
    if (!what.empty()) return FieldsOutcome::malformed;
    if (fields.size() == most_fields) return FieldsOutcome::too_many;
    fields.add(field.id, field.name, field.value);
  }
  return FieldsOutcome::complete;
}

bool is_alias_of_known_field(std::string_view name) {
  if ((common_class(name) & kPlainNameChar) != 0 || name.size() > kLongestKnownName) return false;
  std::array<char, kLongestKnownName> plain{};
  for (size_t i = 0; i < name.size(); ++i) plain[i] = (char_class(name[i]) & kPlainNameChar) != 0 ? name[i] : '-';
  return find_field_id({plain.data(), name.size()}) != FieldId::other;
}

std::optional<uint64_t> parse_content_length(std::string_view value) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value.empty()) return std::nullopt;
  uint64_t length = 0;
  for (const char c : value) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (length > (kMost - digit) / 10) return std::nullopt;
    length = length * 10 + digit;
  }
  return length;
}

TransferCoding classify_transfer_coding(std::string_view value) {
  if (iequals(value, "chunked")) return TransferCoding::chunked;
  while (true) {
    const size_t comma = value.find(',');
    const std::string_view element = trim(value.substr(0, comma));
    if (!is_transfer_coding(element)) return TransferCoding::malformed;
    const std::string_view name = trim(element.substr(0, element.find(';')));
    if (iequals(name, "identity")) return TransferCoding::malformed;
    const bool is_last = comma == std::string_view::npos;
    if (iequals(name, "chunked") && (!is_last || name.size() != element.size())) return TransferCoding::malformed;
    if (is_last) return TransferCoding::unsupported;
    value.remove_prefix(comma + 1);
  }
}

ConnectionOptions read_connection_options(const FieldList& fields) {
  ConnectionOptions options;
  size_t count = 0;
  for (const Field& field : fields) {
    if (field.id != FieldId::connection) continue;
    for_each_element(field.value, [&](std::string_view option) {
      ++count;
      if (iequals(option, "close")) options.close = true;
      if (iequals(option, "keep-alive")) options.keep_alive = true;
    });
  }
  options.too_many = count > kMostConnectionOptions;
  return options;
}

std::optional<Version> parse_version(std::string_view text) {
  if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7])) {
    return std::nullopt;
  }
  return Version{text[5] - '0', text[7] - '0'};
}

bool is_forbidden_in_trailers(const Field& field) {
  switch (field.id) {
    case FieldId::authorization:
    case FieldId::cache_control:
    case FieldId::connection:
    case FieldId::content_encoding:
    case FieldId::content_length:
    case FieldId::content_type:
    case FieldId::cookie:
    case FieldId::expect:
    case FieldId::forwarded:
    case FieldId::halfdoor_mode:
    case FieldId::halfdoor_served_by:
    case FieldId::host:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::max_forwards:
    case FieldId::origin:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_port:
    case FieldId::x_forwarded_proto:
    case FieldId::x_http_method:
    case FieldId::x_http_method_override:
    case FieldId::x_method_override:
    case FieldId::x_request_id: return true;
    default: break;
  }
  // Also what some hosts take for another path, address or method, should they merge trailers into the head.
  constexpr std::array<std::string_view, 5> kMore = {"content-range", "location", "range", "set-cookie",
                                                     "www-authenticate"};
  constexpr std::array<std::string_view, 8> kFamilies = {"access-control-", "if-",         "proxy-",  "sec-",
                                                         "x-forwarded-",    "x-original-", "x-real-", "x-rewrite-"};
  const auto is_it = [&field](std::string_view name) { return iequals(field.name, name); };
  const auto is_of = [&field](std::string_view family) { return iequals(field.name.substr(0, family.size()), family); };
  return std::any_of(kMore.begin(), kMore.end(), is_it) || std::any_of(kFamilies.begin(), kFamilies.end(), is_of) ||
         is_alias_of_known_field(field.name);
}

}  // namespace halfdoor
