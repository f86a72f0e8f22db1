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

struct Reason {
  int status;
  std::string_view phrase;
};

// Sorted by status (RFC 9110 15, RFC 6585, RFC 7725, RFC 8297, RFC 8470).
constexpr std::array kReasons = {
    Reason{100, "Continue"},
    Reason{101, "Switching Protocols"},
    Reason{102, "Processing"},
    Reason{103, "Early Hints"},
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{203, "Non-Authoritative Information"},
    Reason{204, "No Content"},
    Reason{205, "Reset Content"},
    Reason{206, "Partial Content"},
    Reason{300, "Multiple Choices"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{305, "Use Proxy"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{402, "Payment Required"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{407, "Proxy Authentication Required"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{414, "URI Too Long"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Range Not Satisfiable"},
    Reason{417, "Expectation Failed"},
    Reason{421, "Misdirected Request"},
    Reason{422, "Unprocessable Content"},
    Reason{425, "Too Early"},
    Reason{426, "Upgrade Required"},
    Reason{428, "Precondition Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{451, "Unavailable For Legal Reasons"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};

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
  const auto found = std::lower_bound(kReasons.begin(), kReasons.end(), status,
                                      [](const Reason& reason, int wanted) { return reason.status < wanted; });
  return found != kReasons.end() && found->status == status ? found->phrase : "Unknown";
}

}  // namespace halfdoor
