// Serialises heads: the one place where the bytes of a start line and of fields are put together.
#include <charconv>
#include <cstring>

#include "http/client_codec.h"
#include "http/semantics.h"
#include "http/server_codec.h"

namespace halfdoor {
namespace {

class Number {
 public:
  explicit Number(uint64_t value)
      : size_(static_cast<size_t>(std::to_chars(digits_, digits_ + sizeof digits_, value).ptr - digits_)) {}
  std::string_view text() const { return {digits_, size_}; }

 private:
  char digits_[20];
  size_t size_;
};

// `write_to` is called with a sink of pieces: once to learn the size, once to write. A head that fits is written into
// one contiguous piece of a block.
template <class WriteTo>
void write_head(SliceQueue& out, WriteTo write_to) {
  size_t size = 0;
  write_to([&size](std::string_view piece) { size += piece.size(); });
  if (size > Block::kBytes) {
    write_to([&out](std::string_view piece) { out.append(piece); });
    return;
  }
  char* at = out.reserve(size);
  write_to([&at](std::string_view piece) {
    if (piece.empty()) return;
    std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  });
  out.commit(size);
}

template <class Put>
void put_field(Put& put, std::string_view name, std::string_view value) {
  put(name);
  put(": ");
  put(value);
  put("\r\n");
}

bool is_framing(const Field& field) {
  return field.id == FieldId::content_length || field.id == FieldId::transfer_encoding;
}

template <class Put>
void put_framing(Put& put, BodyFraming framing, std::string_view length) {
  if (framing == BodyFraming::length) put_field(put, "Content-Length", length);
  if (framing == BodyFraming::chunked) put_field(put, "Transfer-Encoding", "chunked");
}

template <class Put>
void put_status_line(Put& put, const ResponseHead& head, std::string_view status) {
  put("HTTP/1.1 ");
  put(status);
  put(" ");
  put(head.reason.empty() ? reason_phrase(head.status) : head.reason);
  put("\r\n");
}

}  // namespace

void write_request_head(SliceQueue& out, const RequestHead& head) {
  const Number length(head.content_length);
  const bool says_nothing = head.framing == BodyFraming::length && !head.has_body() && is_safe_method(head.method);
  const BodyFraming framing = says_nothing ? BodyFraming::none : head.framing;
  write_head(out, [&](auto put) {
    put(head.method);
    put(" ");
    put(head.target);
    put(" HTTP/1.1\r\n");
    const Field* const host = head.fields.find(FieldId::host);
    if (host != nullptr) put_field(put, "Host", host->value);
    for (const Field& field : head.fields) {
      if (field.id != FieldId::host && !is_framing(field)) put_field(put, field.name, field.value);
    }
    put_framing(put, framing, length.text());
    put("\r\n");
  });
}

void write_response_head(SliceQueue& out, const ResponseHead& head, const ResponseFraming& framing,
                         const RequestHead& request, std::string_view date) {
  const Number status(static_cast<uint64_t>(head.status));
  const Number length(head.content_length);
  // HEAD and 304 say the length of what they leave out (RFC 9110 8.6); 1xx and 204 never do.
  const bool is_about_absent_body = framing.framing == BodyFraming::none &&
                                    (request.method == "HEAD" || head.status == 304) && !head.is_interim() &&
                                    head.status != 204;
  const bool says_length = is_about_absent_body && (head.has_content_length || head.framing == BodyFraming::length);
  write_head(out, [&](auto put) {
    put_status_line(put, head, status.text());
    for (const Field& field : head.fields) {
      if (!is_framing(field)) put_field(put, field.name, field.value);
    }
    if (!date.empty() && !head.fields.has(FieldId::date)) put_field(put, "Date", date);
    put_framing(put, says_length ? BodyFraming::length : framing.framing, length.text());
    if (framing.close) {
      put_field(put, "Connection", "close");
    } else if (request.minor_version == 0 && !head.is_interim()) {
      put_field(put, "Connection", "keep-alive");
    }
    put("\r\n");
  });
}

void write_interim_head(SliceQueue& out, const ResponseHead& head) {
  const Number status(static_cast<uint64_t>(head.status));
  write_head(out, [&](auto put) {
    put_status_line(put, head, status.text());
    for (const Field& field : head.fields) {
      if (!is_framing(field)) put_field(put, field.name, field.value);
    }
    put("\r\n");
  });
}

}  // namespace halfdoor
