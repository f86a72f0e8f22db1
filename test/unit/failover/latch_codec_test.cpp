#include <catch2/catch.hpp>

#include "failover/checksum.h"
#include "failover/latch.h"
#include "fixtures.h"

namespace halfdoor {
namespace {

LatchRecord full_record() {
  LatchRecord record = make_record(Mode::backup_readonly, Mode::backup_writable, 9);
  record.sequence = 12;
  record.until = at("2026-11-22T06:00:00Z");
  record.diverged = true;
  record.acknowledged = false;
  record.automatic = true;
  record.overrides = {"fenced", "not-persisted"};
  record.last_automatic_failover = at("2026-11-21T06:00:00.001Z");
  return record;
}

std::string two_slots(const LatchRecord& first, const LatchRecord& second) {
  return encode_slot(first) + encode_slot(second);
}

TEST_CASE("a_record_comes_back_from_its_slot_as_it_was") {
  for (const LatchRecord& record : {full_record(), make_record(Mode::primary, Mode::closed, 1)}) {
    const std::string slot = encode_slot(record);
    CHECK(slot.size() == kLatchSlotBytes);
    const SlotReading reading = decode_slot(slot);
    REQUIRE(reading.kind == SlotKind::valid);
    CHECK(reading.record == record);
  }
}

TEST_CASE("a_record_of_any_texts_fits_a_slot") {
  LatchRecord record = full_record();
  record.service = std::string(64, 's');
  for (const char* piece : {"x", "\"", "\\", "\x01", "\xFF", "\xC3\xBC", "\xF0\x9F\x92\x87"}) {
    record.reason.clear();
    record.actor.clear();
    for (int i = 0; i < 3000; ++i) record.reason += piece;
    record.actor = record.reason;
    const SlotReading reading = decode_slot(encode_slot(record));
    REQUIRE(reading.kind == SlotKind::valid);
    CHECK(reading.record.epoch == record.epoch);
    CHECK(reading.record.reason.size() <= kLongestReason);
    CHECK(reading.record.reason.size() > kLongestReason - 8);
    CHECK(reading.record.overrides == record.overrides);
  }
}

TEST_CASE("any_damaged_byte_of_a_record_makes_the_slot_invalid") {
  const std::string slot = encode_slot(full_record());
  const size_t used = slot.find_last_not_of(' ') + 1;
  for (size_t i = 0; i < used; ++i) {
    for (const unsigned flip : {0x01U, 0x80U}) {
      std::string damaged = slot;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ flip);
      INFO(i);
      CHECK(decode_slot(damaged).kind != SlotKind::valid);
    }
  }
}

TEST_CASE("a_record_with_a_right_checksum_and_senseless_fields_is_broken") {
  const auto slot_of = [](const std::string& json) {
    char header[64];
    std::snprintf(header, sizeof(header), "halfdoor-latch 1 %08x %zu\n", crc32c(json), json.size());
    std::string slot = header + json;
    slot.resize(kLatchSlotBytes, ' ');
    return slot;
  };
  const std::string good =
      R"({"service":"salon","from":"primary","to":"closed","epoch":2,"sequence":3,"time":"2026-11-22T03:04:05.678Z",)"
      R"("side_since":"2026-11-22T03:04:05.678Z","diverged":false})";
  CHECK(decode_slot(slot_of(good)).kind == SlotKind::valid);
  for (const auto& [what, instead] : std::vector<std::pair<std::string, std::string>>{{"\"closed\"", "\"open\""},
                                                                                      {"\"primary\"", "7"},
                                                                                      {":2,", ":-2,"},
                                                                                      {":2,", ":18446744073709551615,"},
                                                                                      {":2,", ":\"2\","},
                                                                                      {"false", "0"},
                                                                                      {"\"sequence\":3,", ""},
                                                                                      {"\"service\":\"salon\",", ""},
                                                                                      {"2026-11-22T03", "yesterday"},
                                                                                      {"{", "["}}) {
    std::string bad = good;
    bad.replace(bad.find(what), what.size(), instead);
    INFO(bad);
    CHECK(decode_slot(slot_of(bad)).kind == SlotKind::broken);
  }
}

TEST_CASE("a_slot_that_was_never_written_is_blank") {
  CHECK(decode_slot(std::string(kLatchSlotBytes, '\0')).kind == SlotKind::blank);
  CHECK(decode_slot(std::string(kLatchSlotBytes, ' ')).kind == SlotKind::broken);
  CHECK(decode_slot("").kind == SlotKind::broken);
}

TEST_CASE("the_slot_written_last_wins_whatever_its_place_and_epoch") {
  LatchRecord older = make_record(Mode::primary, Mode::backup_readonly, 8);
  for (const uint64_t epoch : {7, 8, 9}) {
    LatchRecord newer = make_record(Mode::primary, Mode::closed, epoch);
    older.sequence = 19;
    newer.sequence = 20;
    CHECK(decode_latch(two_slots(older, newer)).record == newer);
    CHECK(decode_latch(two_slots(older, newer)).slot == 1);
    CHECK(decode_latch(two_slots(newer, older)).record == newer);
    CHECK(decode_latch(two_slots(newer, older)).slot == 0);
  }
}

TEST_CASE("the_other_slot_is_the_change_before_if_it_led_to_where_the_newest_began") {
  LatchRecord before = make_record(Mode::primary, Mode::backup_readonly, 7);
  before.sequence = 11;
  LatchRecord newest = make_record(Mode::backup_readonly, Mode::closed, 8);
  newest.sequence = 12;
  for (const std::string& bytes : {two_slots(before, newest), two_slots(newest, before)}) {
    const LatchReading reading = decode_latch(bytes);
    CHECK(reading.record == newest);
    REQUIRE(reading.previous.has_value());
    CHECK(*reading.previous == before);
  }
  // Refused, and on the disk too late; an update; two changes before.
  const LatchRecord refused = make_record(Mode::backup_readonly, Mode::primary, 9);
  const LatchRecord update = make_record(Mode::backup_readonly, Mode::closed, 8);
  const LatchRecord too_old = make_record(Mode::primary, Mode::backup_readonly, 6);
  for (const LatchRecord& other : {refused, update, too_old}) CHECK(!decode_latch(two_slots(newest, other)).previous);
}

TEST_CASE("a_torn_write_of_a_slot_at_any_byte_leaves_the_old_record_or_the_new_one") {
  const LatchRecord oldest = make_record(Mode::backup_readonly, Mode::primary, 6);
  const LatchRecord present = make_record(Mode::primary, Mode::primary_readonly, 7);
  const LatchRecord next = make_record(Mode::primary_readonly, Mode::backup_readonly, 8);
  const std::string blank(kLatchSlotBytes, '\0');
  for (const std::string& under : {encode_slot(oldest), blank}) {
    const std::string fresh = encode_slot(next);
    bool became_new = false;
    for (size_t torn = 0; torn <= kLatchSlotBytes; ++torn) {
      const std::string mixed = fresh.substr(0, torn) + under.substr(torn);
      const LatchReading reading = decode_latch(encode_slot(present) + mixed);
      REQUIRE(reading.kind == LatchKind::valid);
      REQUIRE((reading.record == present || reading.record == next));
      if (became_new) REQUIRE(reading.record == next);
      became_new = reading.record == next;
    }
    CHECK(became_new);
  }
}

TEST_CASE("sectors_of_a_slot_that_land_in_any_order_leave_the_old_record_or_the_new_one") {
  LatchRecord present = make_record(Mode::primary, Mode::primary_readonly, 7);
  LatchRecord next = make_record(Mode::primary_readonly, Mode::backup_readonly, 8);
  next.reason = std::string(900, 'n');  // more than one sector
  LatchRecord oldest = make_record(Mode::backup_readonly, Mode::primary, 6);
  oldest.reason = std::string(900, 'o');
  const std::string fresh = encode_slot(next), under = encode_slot(oldest);
  for (unsigned landed = 0; landed < 256; ++landed) {
    std::string mixed = under;
    for (size_t sector = 0; sector < 8; ++sector) {
      if ((landed >> sector & 1U) != 0) mixed.replace(sector * 512, 512, fresh, sector * 512, 512);
    }
    const LatchReading reading = decode_latch(encode_slot(present) + mixed);
    REQUIRE(reading.kind == LatchKind::valid);
    REQUIRE((reading.record == present || reading.record == next));
  }
}

TEST_CASE("one_broken_slot_is_told_though_the_other_counts") {
  const LatchRecord record = make_record(Mode::primary, Mode::closed, 7);
  std::string bytes = two_slots(record, make_record(Mode::primary, Mode::closed, 8));
  bytes[kLatchSlotBytes + 100] ^= 1;
  const LatchReading reading = decode_latch(bytes);
  CHECK(reading.kind == LatchKind::valid);
  CHECK(reading.record == record);
  CHECK_FALSE(reading.problem.empty());
  CHECK(decode_latch(encode_slot(record) + std::string(kLatchSlotBytes, '\0')).problem.empty());
}

TEST_CASE("a_latch_without_a_valid_slot_or_of_another_size_is_corrupt") {
  const std::string slot = encode_slot(make_record(Mode::primary, Mode::closed, 7));
  const std::string blank(kLatchSlotBytes, '\0');
  for (const std::string& bytes :
       {std::string(), slot, slot + slot + "x", blank + blank, std::string(8192, 'x'), slot.substr(0, 4000) + blank}) {
    const LatchReading reading = decode_latch(bytes);
    CHECK(reading.kind == LatchKind::corrupt);
    CHECK_FALSE(reading.problem.empty());
  }
}

TEST_CASE("a_slot_without_its_mark_is_whole_but_does_not_count") {
  const LatchRecord record = full_record();
  const UnconfirmedSlot encoded = encode_unconfirmed_slot(record);
  REQUIRE(encoded.bytes.size() == kLatchSlotBytes);
  REQUIRE(encoded.mark.size() == kLatchMarkBytes);
  CHECK(decode_slot(encoded.bytes).kind == SlotKind::unconfirmed);
  CHECK(decode_slot(encoded.bytes).record == record);
  const std::string body = encoded.bytes.substr(0, kLatchSlotBytes - kLatchMarkBytes);
  CHECK(decode_slot(body + encoded.mark).kind == SlotKind::valid);
  CHECK(decode_slot(body + encoded.mark).record == record);
  for (size_t i = 0; i < kLatchMarkBytes; ++i) {
    std::string torn = encoded.mark;
    torn[i] = static_cast<char>(torn[i] ^ 1);
    REQUIRE(decode_slot(body + torn).kind == SlotKind::unconfirmed);
  }
  // The mark of another record in the same slot, be it the same change asked for again.
  LatchRecord other = record;
  other.sequence += 2;
  CHECK(decode_slot(body + encode_unconfirmed_slot(other).mark).kind == SlotKind::unconfirmed);
  other = record;
  other.reason += "!";
  CHECK(decode_slot(body + encode_unconfirmed_slot(other).mark).kind == SlotKind::unconfirmed);
}

TEST_CASE("an_unconfirmed_record_of_any_texts_leaves_the_last_sector_to_its_mark") {
  LatchRecord record = full_record();
  record.service = std::string(64, 's');
  for (const char* piece : {"x", "\"", "\\", "\x01", "\xFF", "\xF0\x9F\x92\x87"}) {
    record.reason.clear();
    for (int i = 0; i < 3000; ++i) record.reason += piece;
    record.actor = record.reason;
    const std::string bytes = encode_unconfirmed_slot(record).bytes;
    REQUIRE(bytes.substr(kLatchSlotBytes - 512) == std::string(512, ' '));
    CHECK(decode_slot(bytes).record.reason.size() > kLongestReason - 8);
  }
}

TEST_CASE("an_unconfirmed_record_is_told_only_if_it_is_the_newest") {
  LatchRecord before = make_record(Mode::primary, Mode::backup_readonly, 8);
  LatchRecord begun = make_record(Mode::backup_readonly, Mode::primary, 9);
  before.sequence = 20;
  begun.sequence = 21;
  const std::string first = encode_slot(before), second = encode_unconfirmed_slot(begun).bytes;
  for (const std::string& bytes : {first + second, second + first}) {
    const LatchReading reading = decode_latch(bytes);
    CHECK(reading.kind == LatchKind::valid);
    CHECK(reading.record == before);
    CHECK(reading.unconfirmed == begun);
    CHECK(reading.problem.empty());
  }
  before.sequence = 22;
  CHECK_FALSE(decode_latch(encode_slot(before) + second).unconfirmed);
  const LatchReading alone = decode_latch(std::string(kLatchSlotBytes, 'x') + second);
  CHECK(alone.kind == LatchKind::unconfirmed);
  CHECK(alone.unconfirmed == begun);
  CHECK_FALSE(alone.problem.empty());
}

TEST_CASE("a_latch_of_before_there_were_marks_is_read_as_it_was_meant") {
  LatchRecord record = make_record(Mode::backup_readonly, Mode::primary, 9);
  record.diverged = record.diverged_before = false;
  std::string old_slot = encode_slot(record);
  CHECK(old_slot.starts_with("halfdoor-latch 1 "));
  CHECK(decode_latch(old_slot + std::string(kLatchSlotBytes, '\0')).record == record);
}

TEST_CASE("a_slot_of_a_newer_version_outweighs_a_valid_one") {
  std::string newer = encode_slot(make_record(Mode::primary, Mode::closed, 8));
  newer.replace(newer.find(" 1 "), 3, " 3 ");
  const std::string valid = encode_slot(make_record(Mode::primary, Mode::primary, 7));
  CHECK(decode_latch(newer + valid).kind == LatchKind::newer_version);
  CHECK(decode_latch(valid + newer).kind == LatchKind::newer_version);
}

}  // namespace
}  // namespace halfdoor
