#include "worker/access_line.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "worker/access_text.h"

namespace halfdoor {

namespace {

// Bytes of the line, after escaping. Together they stay below kLongestBytes.
constexpr size_t kMostTarget = 12 << 10;
constexpr size_t kMostReferer = 4 << 10;
constexpr size_t kMostUserAgent = 3 << 10;
constexpr size_t kMostHost = 1 << 10;
constexpr size_t kMostText = 512;  // of anything else
constexpr size_t kMostOthers = 6;  // request_id, client, service, server, method, why
constexpr size_t kMostFixed = 1 << 10;
static_assert(kMostTarget + kMostReferer + kMostUserAgent + kMostHost + kMostOthers * kMostText + kMostFixed <=
              AccessLine::kLongestBytes);

// The two fields that stand in combined; the first line of either counts.
struct Quoted {
  std::string_view referer;
  std::string_view user_agent;
};

Quoted find_quoted(const RequestHead& request) {
  constexpr std::string_view kReferer = "Referer", kUserAgent = "User-Agent";
  Quoted found;
  for (const Field& field : request.fields) {
    if (field.id != FieldId::other) continue;
    // Most are spelled as here, which is quicker to see.
    if (field.name.size() == kReferer.size()) {
      const bool is_referer = field.name == kReferer || iequals(field.name, kReferer);
      if (is_referer && found.referer.empty()) found.referer = field.value;
    } else if (field.name.size() == kUserAgent.size()) {
      const bool is_user_agent = field.name == kUserAgent || iequals(field.name, kUserAgent);
      if (is_user_agent && found.user_agent.empty()) found.user_agent = field.value;
    }
  }
  return found;
}

std::string_view protocol_of(const RequestHead& request) {
  return request.minor_version == 0 ? std::string_view("HTTP/1.0") : std::string_view("HTTP/1.1");
}

// Appends fields, each behind its literal key; what is not there is null.
class JsonFields {
 public:
  explicit JsonFields(char* at) : at_(at) {}
  char* end() const { return at_; }

  template <size_t kBytes>
  void literal(const char (&text)[kBytes]) {
    at_ = put_literal(at_, text);
  }
  template <size_t kBytes>
  void text(const char (&key)[kBytes], std::string_view value, size_t most = kMostText) {
    literal(key);
    if (value.empty()) return literal("null");
    *at_++ = '"';
    at_ = put_json_text(at_, value, most);
    *at_++ = '"';
  }
  // Of text that cannot hold anything to escape: our own words, tokens, and what was checked before.
  template <size_t kBytes>
  void plain(const char (&key)[kBytes], std::string_view value) {
    literal(key);
    if (value.empty()) return literal("null");
    *at_++ = '"';
    copy(value.data(), std::min(value.size(), kMostText));
    *at_++ = '"';
  }
  template <size_t kBytes>
  void number(const char (&key)[kBytes], int64_t value, bool is_known = true) {
    literal(key);
    if (!is_known) return literal("null");
    at_ = put_number(at_, static_cast<uint64_t>(value));
  }
  void copy(const char* from, size_t count) { at_ = put_bytes(at_, from, count); }
  void milliseconds(int of_second) { at_ = put_three_digits(at_, of_second); }

 private:
  char* at_;
};

// The same for combined, where what is not there is "-".
class CombinedFields {
 public:
  explicit CombinedFields(char* at) : at_(at) {}
  char* end() const { return at_; }

  template <size_t kBytes>
  void literal(const char (&text)[kBytes]) {
    at_ = put_literal(at_, text);
  }
  template <size_t kBytes>
  void text(const char (&key)[kBytes], std::string_view value, size_t most = kMostText) {
    literal(key);
    if (value.empty()) return literal("-");
    at_ = put_combined_text(at_, value, most);
  }
  // Of text that cannot hold anything to escape: our own words, tokens, and what was checked before.
  template <size_t kBytes>
  void plain(const char (&key)[kBytes], std::string_view value) {
    literal(key);
    if (value.empty()) return literal("-");
    copy(value.data(), std::min(value.size(), kMostText));
  }
  template <size_t kBytes>
  void quoted(const char (&key)[kBytes], std::string_view value, size_t most = kMostText) {
    text(key, value, most);
    *at_++ = '"';
  }
  template <size_t kBytes>
  void number(const char (&key)[kBytes], int64_t value, bool is_known = true) {
    literal(key);
    if (!is_known) return literal("-");
    at_ = put_number(at_, static_cast<uint64_t>(value));
  }
  void copy(const char* from, size_t count) { at_ = put_bytes(at_, from, count); }

 private:
  char* at_;
};

}  // namespace

void AccessLine::make_second(int64_t unix_seconds) {
  second_ = unix_seconds;
  const time_t seconds = unix_seconds;
  tm parts{};
  gmtime_r(&seconds, &parts);
  const auto two = [](char* at, int number) {
    at[0] = static_cast<char>('0' + number / 10 % 10);
    at[1] = static_cast<char>('0' + number % 10);
  };
  const int year = parts.tm_year + 1900;
  char* const at = second_text_;
  if (format_ == AccessFormat::json) {
    std::memcpy(at, "YYYY-MM-DDTHH:MM:SS.", kJsonSecondBytes);
    two(at, year / 100);
    two(at + 2, year);
    two(at + 5, parts.tm_mon + 1);
    two(at + 8, parts.tm_mday);
    two(at + 11, parts.tm_hour);
    two(at + 14, parts.tm_min);
    two(at + 17, parts.tm_sec);
  } else {
    std::memcpy(at, "[DD/MMM/YYYY:HH:MM:SS +0000]", kCombinedSecondBytes);
    two(at + 1, parts.tm_mday);
    std::memcpy(at + 4, &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * parts.tm_mon], 3);
    two(at + 8, year / 100);
    two(at + 10, year);
    two(at + 13, parts.tm_hour);
    two(at + 16, parts.tm_min);
    two(at + 19, parts.tm_sec);
  }
}

char* AccessLine::write(char* at, const AccessRecord& record) {
  if (record.began_unix_ms / 1000 != second_) make_second(record.began_unix_ms / 1000);
  at = format_ == AccessFormat::json ? write_json(at, record) : write_combined(at, record);
  *at++ = '\n';
  return at;
}

char* AccessLine::write_json(char* at, const AccessRecord& record) {
  const RequestHead* const request = record.request;
  const Quoted quoted = request != nullptr ? find_quoted(*request) : Quoted{};
  const bool has_service = !record.service.empty();
  const bool has_server = !record.server.empty();
  JsonFields line(at);
  line.literal("{\"time\":\"");
  line.copy(second_text_, kJsonSecondBytes);
  line.milliseconds(static_cast<int>(record.began_unix_ms % 1000));
  line.plain("Z\",\"request_id\":", record.request_id);
  line.plain(",\"client\":", record.client);
  line.plain(",\"service\":", record.service);
  line.plain(",\"mode\":", has_service ? to_text(record.mode) : std::string_view{});
  line.number(",\"epoch\":", static_cast<int64_t>(record.epoch), has_service);
  line.plain(",\"side\":", has_server ? to_text(record.side) : std::string_view{});
  line.text(",\"server\":", record.server);
  record.is_fallback ? line.literal(",\"fallback\":true") : line.literal(",\"fallback\":false");
  line.number(",\"attempts\":", record.attempts);
  if (request != nullptr) {
    line.plain(",\"method\":", request->method);
    line.text(",\"target\":", request->target, kMostTarget);
    line.plain(",\"protocol\":", protocol_of(*request));
    line.text(",\"host\":", request->authority, kMostHost);
  } else {
    line.literal(",\"method\":null,\"target\":null,\"protocol\":null,\"host\":null");
  }
  line.number(",\"status\":", record.status, record.status != 0);
  line.number(",\"server_status\":", record.server_status, record.server_status != 0);
  line.number(",\"bytes_in\":", static_cast<int64_t>(record.bytes_in));
  line.number(",\"bytes_out\":", static_cast<int64_t>(record.bytes_out));
  line.number(",\"wire_in\":", static_cast<int64_t>(record.wire_in));
  line.number(",\"wire_out\":", static_cast<int64_t>(record.wire_out));
  line.number(",\"duration_ms\":", record.duration_ms);
  line.number(",\"wait_ms\":", record.wait_ms, record.wait_ms >= 0);
  line.number(",\"first_byte_ms\":", record.first_byte_ms, record.first_byte_ms >= 0);
  line.plain(",\"outcome\":", to_text(record.outcome));
  line.plain(",\"ended_by\":", to_text(record.ended_by));
  line.text(",\"why\":", record.why);
  line.text(",\"referer\":", quoted.referer, kMostReferer);
  line.text(",\"user_agent\":", quoted.user_agent, kMostUserAgent);
  line.literal("}");
  return line.end();
}

char* AccessLine::write_combined(char* at, const AccessRecord& record) {
  const RequestHead* const request = record.request;
  const Quoted quoted = request != nullptr ? find_quoted(*request) : Quoted{};
  const bool has_service = !record.service.empty();
  const bool has_server = !record.server.empty();
  CombinedFields line(at);
  line.plain("", record.client);
  line.literal(" - - ");
  line.copy(second_text_, kCombinedSecondBytes);
  if (request != nullptr) {
    line.plain(" \"", request->method);
    line.text(" ", request->target, kMostTarget);
    line.plain(" ", protocol_of(*request));
    line.literal("\"");
  } else {
    line.literal(" \"-\"");
  }
  line.number(" ", record.status, record.status != 0);
  line.number(" ", static_cast<int64_t>(record.bytes_out), record.bytes_out != 0);
  line.quoted(" \"", quoted.referer, kMostReferer);
  line.quoted(" \"", quoted.user_agent, kMostUserAgent);
  // Behind what readers of the format look at.
  line.plain(" request_id=", record.request_id);
  line.plain(" service=", record.service);
  line.plain(" mode=", has_service ? to_text(record.mode) : std::string_view{});
  line.number(" epoch=", static_cast<int64_t>(record.epoch), has_service);
  line.plain(" side=", has_server ? to_text(record.side) : std::string_view{});
  line.text(" server=", record.server);
  record.is_fallback ? line.literal(" fallback=true") : line.literal(" fallback=false");
  line.number(" attempts=", record.attempts);
  line.number(" server_status=", record.server_status, record.server_status != 0);
  line.number(" bytes_in=", static_cast<int64_t>(record.bytes_in));
  line.number(" wire_in=", static_cast<int64_t>(record.wire_in));
  line.number(" wire_out=", static_cast<int64_t>(record.wire_out));
  line.number(" duration_ms=", record.duration_ms);
  line.number(" wait_ms=", record.wait_ms, record.wait_ms >= 0);
  line.number(" first_byte_ms=", record.first_byte_ms, record.first_byte_ms >= 0);
  line.plain(" outcome=", to_text(record.outcome));
  line.plain(" ended_by=", to_text(record.ended_by));
  line.quoted(" host=\"", request != nullptr ? request->authority : std::string_view{}, kMostHost);
  line.quoted(" why=\"", record.why);
  return line.end();
}

}  // namespace halfdoor
