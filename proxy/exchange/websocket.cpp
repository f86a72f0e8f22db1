#include "exchange/websocket.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr std::string_view kAcceptField = "Sec-WebSocket-Accept";
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr size_t kSha1Bytes = 20;
constexpr size_t kAcceptBytes = (kSha1Bytes + 2) / 3 * 4;

struct Listed {
  size_t elements = 0;
  size_t matches = 0;
};

// How often the lists in the fields of this id name `wanted`, and how much they name in all.
Listed count_in_lists(const FieldList& fields, FieldId id, std::string_view wanted) {
  Listed listed;
  for (const Field& field : fields) {
    if (field.id != id) continue;
    for_each_element(field.value, [&](std::string_view element) {
      ++listed.elements;
      if (iequals(element, wanted)) ++listed.matches;
    });
  }
  return listed;
}

bool is_only_websocket(const FieldList& fields) {
  const Listed listed = count_in_lists(fields, FieldId::upgrade, "websocket");
  return listed.elements == 1 && listed.matches == 1;
}

bool connection_says_upgrade(const FieldList& fields) {
  return count_in_lists(fields, FieldId::connection, "upgrade").matches > 0;
}

bool is_base64_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
}

// 16 bytes in base64.
bool is_key(std::string_view value) {
  constexpr size_t kDigits = 22;
  return value.size() == kDigits + 2 && value.substr(kDigits) == "==" &&
         std::all_of(value.begin(), value.begin() + kDigits, is_base64_char);
}

// 0 to 255 without leading zeros (RFC 6455 4.1, 11.6).
bool is_version(std::string_view value) {
  const bool is_short = !value.empty() && value.size() <= 3 && (value.size() == 1 || value.front() != '0');
  const auto number = is_short ? parse_unsigned(value) : std::nullopt;
  return number && *number <= 255;
}

}  // namespace

std::string_view find_handshake_flaw(const RequestHead& request) {
  const FieldList& fields = request.fields;
  if (request.method != "GET") return "a WebSocket handshake is a GET";
  if (request.minor_version == 0) return "a WebSocket handshake needs HTTP/1.1";
  if (request.has_body()) return "a WebSocket handshake has no body";
  if (!is_only_websocket(fields)) return "Upgrade lists more than websocket";
  if (!connection_says_upgrade(fields)) return "Connection does not say upgrade";
  if (fields.count(FieldId::sec_websocket_key) != 1 || !is_key(fields.find(FieldId::sec_websocket_key)->value)) {
    return "bad Sec-WebSocket-Key";
  }
  if (fields.count(FieldId::sec_websocket_version) != 1 ||
      !is_version(fields.find(FieldId::sec_websocket_version)->value)) {
    return "bad Sec-WebSocket-Version";
  }
  return {};
}

std::string_view find_upgrade_flaw(const RequestHead& request, const ResponseHead& response) {
  const FieldList& fields = response.fields;
  if (response.minor_version == 0) return "101 in HTTP/1.0";
  if (!is_only_websocket(fields)) return "101 without Upgrade: websocket";
  if (!connection_says_upgrade(fields)) return "101 without Connection: upgrade";
  const Field* const length = fields.find(FieldId::content_length);
  if (fields.has(FieldId::transfer_encoding) || (length != nullptr && length->value != "0")) return "101 with a body";
  std::string_view accept;
  size_t accepts = 0;
  for (const Field& field : fields) {
    if (!iequals(field.name, kAcceptField)) continue;
    accept = field.value;
    ++accepts;
  }
  const Field* const key = request.fields.find(FieldId::sec_websocket_key);
  if (accepts != 1 || accept.empty() || key == nullptr || accept != make_websocket_accept(key->value)) {
    return "101 without the right Sec-WebSocket-Accept";
  }
  return {};
}

std::string make_websocket_accept(std::string_view key) {
  const std::string text = std::string(key) + std::string(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int bytes = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha1(), nullptr) != 1 || bytes != kSha1Bytes) {
    return {};
  }
  std::array<unsigned char, kAcceptBytes + 1> encoded{};
  EVP_EncodeBlock(encoded.data(), digest.data(), kSha1Bytes);
  return {reinterpret_cast<const char*>(encoded.data()), kAcceptBytes};
}

void add_websocket_upgrade(FieldList& fields) {
  fields.add(FieldId::connection, "Connection", "Upgrade");
  fields.add(FieldId::upgrade, "Upgrade", "websocket");
}

}  // namespace halfdoor
