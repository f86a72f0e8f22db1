#include "failover/change.h"

namespace halfdoor {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct CodePoint {
  char32_t value = 0;
  size_t length = 0;  // 0: not UTF-8
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint read_code_point(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  char32_t value = lead & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, length};
}

bool is_control(char32_t value) { return value < 0x20 || (value >= 0x7F && value < 0xA0); }

}  // namespace

std::string clean_text(std::string_view text, size_t most) {
  std::string clean;
  while (!text.empty()) {
    const CodePoint point = read_code_point(text);
    const std::string_view piece = point.length == 0         ? kReplacement
                                   : is_control(point.value) ? std::string_view(" ")
                                                             : text.substr(0, point.length);
    if (clean.size() + piece.size() > most) break;
    clean += piece;
    text.remove_prefix(point.length == 0 ? 1 : point.length);
  }
  return clean;
}

WallTime whole_ms(WallTime time) { return std::chrono::floor<Milliseconds>(time); }

LatchRecord make_change(const LatchRecord& present, const ChangeRequest& request) {
  LatchRecord next;
  next.service = present.service;
  next.from = present.to;
  next.to = request.to;
  next.epoch = present.epoch + 1;
  next.time = whole_ms(request.now);
  next.side_since = serving_side(present.to) == serving_side(request.to) ? present.side_since : next.time;
  next.actor = clean_text(request.actor, kLongestActor);
  next.reason = clean_text(request.reason, kLongestReason);
  if (request.until) next.until = whole_ms(*request.until);
  next.automatic = request.actor == kActorAutomatic;
  next.acknowledged = !next.automatic;
  next.overrides = request.overrides;
  const bool is_completed_failback = request.verb == Verb::failback && request.to == Mode::primary;
  next.diverged = request.to == Mode::backup_writable || (present.diverged && !is_completed_failback);
  next.diverged_before = present.diverged;
  const bool is_automatic_failover = next.automatic && request.to == Mode::backup_readonly;
  next.last_automatic_failover =
      is_automatic_failover ? std::optional<WallTime>(next.time) : present.last_automatic_failover;
  return next;
}

LatchRecord make_update(const LatchRecord& present, const UpdateRequest& request) {
  LatchRecord next = present;
  if (request.reason) next.reason = clean_text(*request.reason, kLongestReason);
  if (request.until) next.until = whole_ms(*request.until);
  if (request.actor != kActorAutomatic) next.acknowledged = true;
  return next;
}

bool is_worth_a_record(const LatchRecord& present, const UpdateRequest& request) {
  return make_update(present, request) != present;
}

bool is_automatic_failover(const LatchRecord& present) {
  return present.automatic && present.to == Mode::backup_readonly && present.last_automatic_failover == present.time;
}

ServiceState state_of(const LatchRecord& record) {
  ServiceState state;
  state.mode = record.to;
  state.epoch = record.epoch;
  state.since = record.time;
  state.side_since = record.side_since;
  state.actor = record.actor;
  state.reason = record.reason;
  state.until = record.until;
  state.diverged = record.diverged;
  state.acknowledged = record.acknowledged;
  state.mode_field = make_mode_field(record.to, record.epoch);
  return state;
}

}  // namespace halfdoor
