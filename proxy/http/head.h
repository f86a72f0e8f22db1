// Heads of messages: the start line and the fields of a request or response, as views into an arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace halfdoor {

// Fields that the proxy itself reads or writes. Everything else is `other`.
enum class FieldId : uint8_t {
  other,
  accept,
  accept_language,
  authorization,
  cache_control,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  date,
  expect,
  forwarded,
  halfdoor_mode,
  halfdoor_served_by,
  host,
  http2_settings,
  keep_alive,
  max_forwards,
  origin,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  retry_after,
  sec_fetch_dest,
  sec_fetch_mode,
  sec_websocket_key,
  sec_websocket_version,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  via,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_port,
  x_forwarded_proto,
  x_http_method,
  x_http_method_override,
  x_method_override,
  x_request_id,
  x_requested_with,
};

// ASCII case ignored; `other` if unknown. Never allocates.
FieldId find_field_id(std::string_view name);

struct Field {
  std::string_view name;   // as sent
  std::string_view value;  // without blanks at either end
  FieldId id = FieldId::other;
};

// Field lines in order. Views must outlive it (arena or literals). clear() keeps the memory.
class FieldList {
 public:
  using const_iterator = std::vector<Field>::const_iterator;

  const_iterator begin() const { return fields_.begin(); }
  const_iterator end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  void clear() { fields_.clear(); }

  void add(FieldId id, std::string_view name, std::string_view value) { fields_.push_back({name, value, id}); }
  // Finds the id itself.
  void add(std::string_view name, std::string_view value) { add(find_field_id(name), name, value); }
  // Replaces the first line of this name, removes the others; adds it where there is none.
  void set(FieldId id, std::string_view name, std::string_view value);
  void remove(FieldId id);
  template <class Predicate>
  void remove_if(Predicate is_unwanted) {
    std::erase_if(fields_, is_unwanted);
  }

  // The first line with this id; null if there is none. Not for `other`.
  const Field* find(FieldId id) const {
    for (const Field& field : fields_) {
      if (field.id == id) return &field;
    }
    return nullptr;
  }
  const Field* find(std::string_view name) const;  // ASCII case ignored
  bool has(FieldId id) const { return find(id) != nullptr; }
  size_t count(FieldId id) const;

 private:
  std::vector<Field> fields_;
};

// How the end of a body is known (RFC 9112 6.3).
enum class BodyFraming : uint8_t {
  none,         // no body
  length,       // Content-Length
  chunked,      // Transfer-Encoding: chunked
  until_close,  // responses only
};

// A request, already checked by the rules of RFC 9112 and robustness.md: what is in here is unambiguous.
struct RequestHead {
  std::string_view method;  // a token, case kept
  std::string_view target;  // origin-form ("/path?query") or "*"; absolute-form has been taken apart
  std::string_view path;    // of the target, without query; bytes as sent
  std::string_view query;   // behind the first "?"
  bool has_query = false;
  // The authority that counts: of absolute-form, else Host; as sent. Empty: HTTP/1.0 without Host.
  std::string_view authority;
  // The same in normal form: lower case, without port and trailing dot. Empty if authority is.
  std::string_view host;
  uint8_t minor_version = 1;  // HTTP/1.x
  // As received, Host included (replaced where the target was absolute-form). Expect is missing in HTTP/1.0, where it
  // means nothing (RFC 9110 10.1.1).
  FieldList fields;

  BodyFraming framing = BodyFraming::none;
  uint64_t content_length = 0;          // for BodyFraming::length, which stays where the client sent 0
  bool keep_alive = true;               // the client wants the connection kept
  bool expects_continue = false;        // Expect: 100-continue in HTTP/1.1, and there is a body to wait with
  bool is_websocket_handshake = false;  // Upgrade lists websocket, well-formed or not, in whatever version
  bool accepts_trailers = false;        // TE: trailers

  // Content-Length: 0 is no body.
  bool has_body() const {
    return framing == BodyFraming::chunked || (framing == BodyFraming::length && content_length > 0);
  }
  void clear();
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;
  uint8_t minor_version = 1;
  FieldList fields;

  BodyFraming framing = BodyFraming::none;
  uint64_t content_length = 0;  // for BodyFraming::length, or where has_content_length is set
  // The server said a length although this message has no body: answers to HEAD, and 304 (RFC 9110 8.6).
  bool has_content_length = false;
  bool keep_alive = true;  // the server keeps the connection
  // Seconds of "Keep-Alive: timeout=N"; negative: not said.
  int keep_alive_timeout_s = -1;

  bool is_interim() const { return status >= 100 && status < 200; }
  void clear();
};

// The reason phrase that we send for a status code; "Unknown" where RFC 9110 names none.
std::string_view reason_phrase(int status);

}  // namespace halfdoor
