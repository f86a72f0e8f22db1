// A record of the latch as the bytes of a slot, and back.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "failover/checksum.h"
#include "failover/json_fields.h"
#include "failover/latch.h"

namespace halfdoor {

namespace {

constexpr std::string_view kMagic = "halfdoor-latch ";
constexpr uint64_t kVersion = 1;

std::string record_json(const LatchRecord& record) {
  return write_object(Json{{"service", record.service},
                           {"from", to_text(record.from)},
                           {"to", to_text(record.to)},
                           {"epoch", record.epoch},
                           {"sequence", record.sequence},
                           {"time", format_rfc3339_ms(record.time)},
                           {"side_since", format_rfc3339_ms(record.side_since)},
                           {"actor", record.actor},
                           {"reason", record.reason},
                           {"until", time_or_null(record.until)},
                           {"diverged", record.diverged},
                           {"acknowledged", record.acknowledged},
                           {"automatic", record.automatic},
                           {"overrides", record.overrides},
                           {"last_automatic_failover", time_or_null(record.last_automatic_failover)}});
}

// Null: a field that decides about anything is missing or makes no sense.
std::optional<LatchRecord> read_record(std::string_view text) {
  const std::optional<Json> json = parse_object(text);
  if (!json) return std::nullopt;
  const auto service = text_field(*json, "service");
  const auto from = mode_field(*json, "from"), to = mode_field(*json, "to");
  const auto epoch = number_field(*json, "epoch"), sequence = number_field(*json, "sequence");
  const auto time = time_field(*json, "time"), side_since = time_field(*json, "side_since");
  const auto diverged = bool_field(*json, "diverged");
  if (!service || !from || !to || !epoch || !sequence || !time || !side_since || !diverged) return std::nullopt;
  LatchRecord record;
  record.service = *service;
  record.from = *from;
  record.to = *to;
  record.epoch = *epoch;
  record.sequence = *sequence;
  record.time = *time;
  record.side_since = *side_since;
  record.actor = text_field(*json, "actor").value_or("");
  record.reason = text_field(*json, "reason").value_or("");
  record.until = time_field(*json, "until");
  record.diverged = *diverged;
  record.acknowledged = bool_field(*json, "acknowledged").value_or(false);
  record.automatic = bool_field(*json, "automatic").value_or(false);
  record.overrides = texts_field(*json, "overrides");
  record.last_automatic_failover = time_field(*json, "last_automatic_failover");
  return record;
}

std::string make_header(std::string_view json) {
  return fmt::format("{}{} {:08x} {}\n", kMagic, kVersion, crc32c(json), json.size());
}

bool is_blank(std::string_view slot) { return slot.find_first_not_of('\0') == std::string_view::npos; }

std::optional<uint32_t> parse_hex32(std::string_view text) {
  if (text.size() != 8) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    const size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = (value << 4) | static_cast<uint32_t>(digit);
  }
  return value;
}

}  // namespace

std::string encode_slot(const LatchRecord& given) {
  LatchRecord record = given;
  record.reason = clean_text(record.reason, kLongestReason);
  record.actor = clean_text(record.actor, kLongestActor);
  std::string json = record_json(record);
  // Escapes can make a text longer than its bytes; what nobody needs for the mode goes first.
  while (make_header(json).size() + json.size() > kLatchSlotBytes) {
    if (!record.reason.empty()) {
      record.reason = clean_text(record.reason, record.reason.size() / 2);
    } else if (!record.overrides.empty()) {
      record.overrides.pop_back();
    } else {
      HALFDOOR_CHECK(!record.actor.empty());
      record.actor.clear();
    }
    json = record_json(record);
  }
  std::string slot = make_header(json) + json;
  slot.resize(kLatchSlotBytes, ' ');
  return slot;
}

SlotReading decode_slot(std::string_view slot) {
  SlotReading broken{SlotKind::broken, {}};
  if (slot.size() != kLatchSlotBytes) return broken;
  if (is_blank(slot)) return {};
  if (slot.substr(0, kMagic.size()) != kMagic) return broken;
  const size_t end = slot.find('\n');
  if (end == std::string_view::npos) return broken;
  const std::vector<std::string_view> words = split(slot.substr(kMagic.size(), end - kMagic.size()), ' ');
  const std::optional<uint64_t> version = parse_unsigned(words[0]);
  if (version && *version > kVersion) return {SlotKind::newer_version, {}};
  if (version != kVersion || words.size() != 3) return broken;
  const std::optional<uint32_t> checksum = parse_hex32(words[1]);
  const std::optional<uint64_t> length = parse_unsigned(words[2]);
  if (!checksum || !length || *length > slot.size() - end - 1) return broken;
  const std::string_view json = slot.substr(end + 1, *length);
  if (crc32c(json) != *checksum) return broken;
  std::optional<LatchRecord> record = read_record(json);
  if (!record) return broken;
  return {SlotKind::valid, std::move(*record)};
}

LatchReading decode_latch(std::string_view bytes) {
  LatchReading reading;
  reading.kind = LatchKind::corrupt;
  if (bytes.size() != kLatchSlots * kLatchSlotBytes) {
    reading.problem = fmt::format("it has {} bytes instead of {}", bytes.size(), kLatchSlots * kLatchSlotBytes);
    return reading;
  }
  bool has_broken = false;
  std::optional<LatchRecord> older;
  for (size_t i = 0; i < kLatchSlots; ++i) {
    const SlotReading slot = decode_slot(bytes.substr(i * kLatchSlotBytes, kLatchSlotBytes));
    if (slot.kind == SlotKind::newer_version) {
      return {LatchKind::newer_version, {}, 0, "it was written by a newer halfdoor"};
    }
    has_broken = has_broken || slot.kind == SlotKind::broken;
    if (slot.kind != SlotKind::valid) continue;
    // Not the epoch: a refused change that reached the disk too late has a higher one than the record written after it.
    if (reading.kind == LatchKind::valid && slot.record.sequence < reading.record.sequence) {
      older = slot.record;
      continue;
    }
    if (reading.kind == LatchKind::valid) older = reading.record;
    reading.kind = LatchKind::valid;
    reading.record = slot.record;
    reading.slot = i;
  }
  // One that was refused never was in force: nothing began where it would have led.
  if (older && older->epoch + 1 == reading.record.epoch && older->to == reading.record.from) reading.previous = older;
  if (reading.kind != LatchKind::valid) reading.problem = "no slot holds a whole record";
  if (reading.kind == LatchKind::valid && has_broken) reading.problem = "one slot is torn, the other one counts";
  return reading;
}

}  // namespace halfdoor
