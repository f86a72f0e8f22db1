// A record of the latch as the bytes of a slot, and back.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "failover/checksum.h"
#include "failover/json_fields.h"
#include "failover/latch.h"

namespace halfdoor {

namespace {

constexpr std::string_view kMagic = "halfdoor-latch ";
constexpr uint64_t kCounts = 1;  // as it stands
constexpr uint64_t kCountsWithMark = 2;
// The mark has the last sector for itself.
constexpr size_t kSectorBytes = 512;

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
                           {"diverged_before", record.diverged_before},
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
  if (*epoch > kHighestEpoch || *sequence > kHighestEpoch) return std::nullopt;
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
  record.diverged_before = bool_field(*json, "diverged_before").value_or(*diverged);
  record.acknowledged = bool_field(*json, "acknowledged").value_or(false);
  record.automatic = bool_field(*json, "automatic").value_or(false);
  record.overrides = texts_field(*json, "overrides");
  record.last_automatic_failover = time_field(*json, "last_automatic_failover");
  return record;
}

// The version is part of it: a torn header must not make a record count that needs its mark.
uint32_t checksum_of(uint64_t version, std::string_view json) {
  return version == kCounts ? crc32c(json) : crc32c(fmt::format("{} {}", version, json));
}

std::string make_header(uint64_t version, std::string_view json) {
  return fmt::format("{}{} {:08x} {}\n", kMagic, version, checksum_of(version, json), json.size());
}

// Of this record and no other that may have stood in the slot before.
std::string make_mark(uint64_t sequence, uint32_t checksum) {
  return fmt::format("{:<{}}", fmt::format("confirmed {} {:08x}\n", sequence, checksum), kLatchMarkBytes);
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

namespace {

struct EncodedRecord {
  std::string slot;
  uint32_t checksum;
};

EncodedRecord encode(const LatchRecord& given, uint64_t version, size_t room) {
  LatchRecord record = given;
  record.reason = clean_text(record.reason, kLongestReason);
  record.actor = clean_text(record.actor, kLongestActor);
  std::string json = record_json(record);
  // Escapes can make a text longer than its bytes; what nobody needs for the mode goes first.
  while (make_header(version, json).size() + json.size() > room) {
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
  std::string slot = make_header(version, json) + json;
  slot.resize(kLatchSlotBytes, ' ');
  return {std::move(slot), checksum_of(version, json)};
}

}  // namespace

std::string encode_slot(const LatchRecord& record) { return encode(record, kCounts, kLatchSlotBytes).slot; }

UnconfirmedSlot encode_unconfirmed_slot(const LatchRecord& record) {
  EncodedRecord encoded = encode(record, kCountsWithMark, kLatchSlotBytes - kSectorBytes);
  return {std::move(encoded.slot), make_mark(record.sequence, encoded.checksum)};
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
  if (version && *version > kCountsWithMark) return {SlotKind::newer_version, {}};
  if ((version != kCounts && version != kCountsWithMark) || words.size() != 3) return broken;
  const std::optional<uint32_t> checksum = parse_hex32(words[1]);
  const std::optional<uint64_t> length = parse_unsigned(words[2]);
  if (!checksum || !length || *length > slot.size() - end - 1) return broken;
  const std::string_view json = slot.substr(end + 1, *length);
  if (checksum_of(*version, json) != *checksum) return broken;
  std::optional<LatchRecord> record = read_record(json);
  if (!record) return broken;
  const bool counts =
      version == kCounts || slot.substr(slot.size() - kLatchMarkBytes) == make_mark(record->sequence, *checksum);
  return {counts ? SlotKind::valid : SlotKind::unconfirmed, std::move(*record)};
}

LatchReading decode_latch(std::string_view bytes) {
  LatchReading reading;
  reading.kind = LatchKind::corrupt;
  if (bytes.size() != kLatchSlots * kLatchSlotBytes) {
    reading.problem = fmt::format("it has {} bytes instead of {}", bytes.size(), kLatchSlots * kLatchSlotBytes);
    return reading;
  }
  bool has_broken = false;
  std::optional<LatchRecord> older, unconfirmed;
  for (size_t i = 0; i < kLatchSlots; ++i) {
    const SlotReading slot = decode_slot(bytes.substr(i * kLatchSlotBytes, kLatchSlotBytes));
    if (slot.kind == SlotKind::newer_version) {
      return {LatchKind::newer_version, {}, 0, "it was written by a newer halfdoor"};
    }
    has_broken = has_broken || slot.kind == SlotKind::broken;
    if (slot.kind == SlotKind::unconfirmed && (!unconfirmed || unconfirmed->sequence < slot.record.sequence)) {
      unconfirmed = slot.record;
    }
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
  const bool is_valid = reading.kind == LatchKind::valid;
  if (unconfirmed && (!is_valid || unconfirmed->sequence > reading.record.sequence)) reading.unconfirmed = unconfirmed;
  if (!is_valid) reading.problem = "no slot holds a whole record";
  if (!is_valid && unconfirmed) {
    reading.kind = LatchKind::unconfirmed;
    reading.problem = "it holds only the record of a change that was not confirmed";
  }
  if (is_valid && has_broken) reading.problem = "one slot is torn, the other one counts";
  return reading;
}

}  // namespace halfdoor
