#include "http/head.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace halfdoor {
namespace {

struct KnownField {
  std::string_view name;
  FieldId id;
};

// Sorted by length: find_field_id() looks only at the names as long as the one it is asked for.
constexpr std::array kKnownFields = {
    KnownField{"te", FieldId::te},
    KnownField{"via", FieldId::via},
    KnownField{"date", FieldId::date},
    KnownField{"host", FieldId::host},
    KnownField{"accept", FieldId::accept},
    KnownField{"cookie", FieldId::cookie},
    KnownField{"expect", FieldId::expect},
    KnownField{"origin", FieldId::origin},
    KnownField{"trailer", FieldId::trailer},
    KnownField{"upgrade", FieldId::upgrade},
    KnownField{"forwarded", FieldId::forwarded},
    KnownField{"connection", FieldId::connection},
    KnownField{"keep-alive", FieldId::keep_alive},
    KnownField{"retry-after", FieldId::retry_after},
    KnownField{"content-type", FieldId::content_type},
    KnownField{"max-forwards", FieldId::max_forwards},
    KnownField{"x-request-id", FieldId::x_request_id},
    KnownField{"authorization", FieldId::authorization},
    KnownField{"cache-control", FieldId::cache_control},
    KnownField{"halfdoor-mode", FieldId::halfdoor_mode},
    KnownField{"x-http-method", FieldId::x_http_method},
    KnownField{"content-length", FieldId::content_length},
    KnownField{"http2-settings", FieldId::http2_settings},
    KnownField{"sec-fetch-dest", FieldId::sec_fetch_dest},
    KnownField{"sec-fetch-mode", FieldId::sec_fetch_mode},
    KnownField{"accept-language", FieldId::accept_language},
    KnownField{"x-forwarded-for", FieldId::x_forwarded_for},
    KnownField{"content-encoding", FieldId::content_encoding},
    KnownField{"proxy-connection", FieldId::proxy_connection},
    KnownField{"x-forwarded-host", FieldId::x_forwarded_host},
    KnownField{"x-forwarded-port", FieldId::x_forwarded_port},
    KnownField{"x-requested-with", FieldId::x_requested_with},
    KnownField{"sec-websocket-key", FieldId::sec_websocket_key},
    KnownField{"transfer-encoding", FieldId::transfer_encoding},
    KnownField{"x-forwarded-proto", FieldId::x_forwarded_proto},
    KnownField{"x-method-override", FieldId::x_method_override},
    KnownField{"halfdoor-served-by", FieldId::halfdoor_served_by},
    KnownField{"proxy-authenticate", FieldId::proxy_authenticate},
    KnownField{"proxy-authorization", FieldId::proxy_authorization},
    KnownField{"sec-websocket-version", FieldId::sec_websocket_version},
    KnownField{"x-http-method-override", FieldId::x_http_method_override},
};

constexpr size_t kLongestName = kKnownFields.back().name.size();

// Entry L is the index of the first known name of at least L bytes.
constexpr std::array<uint8_t, kLongestName + 2> make_length_index() {
  std::array<uint8_t, kLongestName + 2> first{};
  size_t index = 0;
  for (size_t length = 0; length < first.size(); ++length) {
    while (index < kKnownFields.size() && kKnownFields[index].name.size() < length) ++index;
    first[length] = static_cast<uint8_t>(index);
  }
  return first;
}

constexpr bool is_sorted_by_length() {
  for (size_t i = 1; i < kKnownFields.size(); ++i) {
    if (kKnownFields[i - 1].name.size() > kKnownFields[i].name.size()) return false;
  }
  return true;
}
static_assert(is_sorted_by_length());

constexpr auto kFirstOfLength = make_length_index();

}  // namespace

FieldId find_field_id(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return FieldId::other;
  const char first = ascii_lower(name.front());
  for (size_t i = kFirstOfLength[name.size()]; i < kFirstOfLength[name.size() + 1]; ++i) {
    if (kKnownFields[i].name.front() == first && iequals(kKnownFields[i].name, name)) return kKnownFields[i].id;
  }
  return FieldId::other;
}

void FieldList::set(FieldId id, std::string_view name, std::string_view value) {
  const auto is_it = [&](const Field& field) {
    return field.id == id && (id != FieldId::other || iequals(field.name, name));
  };
  const auto first = std::find_if(fields_.begin(), fields_.end(), is_it);
  if (first == fields_.end()) return add(id, name, value);
  *first = {name, value, id};
  fields_.erase(std::remove_if(first + 1, fields_.end(), is_it), fields_.end());
}

void FieldList::remove(FieldId id) {
  remove_if([id](const Field& field) { return field.id == id; });
}

const Field* FieldList::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (iequals(field.name, name)) return &field;
  }
  return nullptr;
}

size_t FieldList::count(FieldId id) const {
  return static_cast<size_t>(
      std::count_if(fields_.begin(), fields_.end(), [id](const Field& field) { return field.id == id; }));
}

void RequestHead::clear() {
  FieldList kept = std::move(fields);
  *this = RequestHead();
  kept.clear();
  fields = std::move(kept);
}

void ResponseHead::clear() {
  FieldList kept = std::move(fields);
  *this = ResponseHead();
  kept.clear();
  fields = std::move(kept);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 102:
      return "Processing";
    case 103:
      return "Early Hints";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 305:
      return "Use Proxy";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

}  // namespace halfdoor
