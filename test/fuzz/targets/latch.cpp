// The latch: whatever became of its bytes, the newest whole record counts and nothing more permissive; a record that is
// written is read as the same; without a whole record a service starts without writes.
#include "failover/latch.h"

#include <fmt/format.h>

#include <algorithm>

#include "failover/checksum.h"
#include "failover/start_state.h"
#include "fuzz/fuzz_target.h"

namespace halfdoor::fuzz {

namespace {

const WallTime kNow{std::chrono::seconds(1'795'365'524)};

// A slot whose checksum is right, whatever it holds; version 2 without its mark.
std::string slot_of(std::string_view json, int version = 1) {
  json = json.substr(0, 4000);
  const uint32_t checksum = version == 1 ? crc32c(json) : crc32c(fmt::format("{} {}", version, json));
  std::string slot = fmt::format("halfdoor-latch {} {:08x} {}\n{}", version, checksum, json.size(), json);
  slot.resize(kLatchSlotBytes, ' ');
  return slot;
}

void check_record(const LatchRecord& record) {
  // A service's name is at most 64 bytes; what is longer is not ours and is never written again.
  if (record.service.size() > 64) return;
  const UnconfirmedSlot unconfirmed = encode_unconfirmed_slot(record);
  const std::string marked = unconfirmed.bytes.substr(0, kLatchSlotBytes - kLatchMarkBytes) + unconfirmed.mark;
  require(decode_slot(unconfirmed.bytes).kind == SlotKind::unconfirmed, "without its mark it does not count");
  require(decode_slot(marked).kind == SlotKind::valid, "with its mark it does");
  require(decode_slot(marked).record.epoch == record.epoch, "the mark is written behind the record");
  const std::string slot = encode_slot(record);
  require(slot.size() == kLatchSlotBytes, "a slot always has the same size");
  const SlotReading again = decode_slot(slot);
  require(again.kind == SlotKind::valid, "a record that is written is read");
  const LatchRecord& read = again.record;
  require(read.service == record.service && read.from == record.from && read.to == record.to &&
              read.epoch == record.epoch && read.sequence == record.sequence && read.diverged == record.diverged &&
              read.acknowledged == record.acknowledged && read.automatic == record.automatic &&
              whole_ms(read.time) == whole_ms(record.time) && whole_ms(read.side_since) == whole_ms(record.side_since),
          "what decides is read as it was written");
  require(record.reason.starts_with(read.reason) || clean_text(record.reason, kLongestReason).starts_with(read.reason),
          "a reason is cut, not changed");
  require_same(encode_slot(read), slot, "what was read is written as it stood");
}

// The slots of `file` by decode_slot, which is what a reader of one slot understands.
void check_reading(const LatchReading& reading, std::string_view file) {
  if (file.size() != kLatchSlots * kLatchSlotBytes) {
    require(reading.kind == LatchKind::corrupt, "a file of another size is no latch");
    return;
  }
  std::vector<LatchRecord> whole;
  bool has_newer = false;
  for (size_t i = 0; i < kLatchSlots; ++i) {
    const SlotReading slot = decode_slot(file.substr(i * kLatchSlotBytes, kLatchSlotBytes));
    if (slot.kind == SlotKind::valid) whole.push_back(slot.record);
    has_newer = has_newer || slot.kind == SlotKind::newer_version;
  }
  if (has_newer) {
    require(reading.kind == LatchKind::newer_version, "a slot of a newer halfdoor is never overlooked");
    return;
  }
  require((reading.kind == LatchKind::valid) == !whole.empty(), "a latch is valid if a slot is whole");
  require(reading.kind == LatchKind::valid || !reading.problem.empty(), "it is said what is wrong");
  require(reading.unconfirmed || reading.kind != LatchKind::unconfirmed, "what was not confirmed is told");
  require(!reading.unconfirmed || whole.empty() || reading.unconfirmed->sequence > reading.record.sequence,
          "an unconfirmed record is told only if it is the newest");
  for (const LatchRecord& record : whole) {
    require(record.sequence <= reading.record.sequence, "the newest whole record counts");
    check_record(record);
  }
}

void check_start(const LatchReading& reading, Mode fresh_mode) {
  const StartState start = start_state("salon", fresh_mode, reading, {}, kNow);
  const bool may_write =
      reading.kind == LatchKind::missing
          ? writes_pass(fresh_mode)
          : reading.kind == LatchKind::valid && reading.record.service == "salon" && writes_pass(reading.record.to);
  require(!writes_pass(start.record.to) || may_write, "a service never starts more permissive than its latch");
  if (reading.unconfirmed && reading.unconfirmed->service == "salon") {
    const bool is_before = reading.kind == LatchKind::valid && start.record.to == reading.record.to;
    require(is_before || !writes_pass(start.record.to), "it starts where a change began that was not confirmed");
    require(!start.warnings.empty() && start.record.epoch == reading.unconfirmed->epoch + 1, "loudly, in a new epoch");
  } else if (reading.kind == LatchKind::valid && reading.record.service == "salon") {
    require(start.record.to == reading.record.to, "a service starts in the mode of its latch");
  } else if (reading.kind != LatchKind::missing) {
    require(start.record.to == Mode::primary_readonly && !start.warnings.empty(), "it starts read-only, loudly");
  }
  if (reading.kind == LatchKind::valid && reading.record.diverged) require(start.record.diverged, "it stays diverged");
}

// A write of the newer slot that stopped anywhere: the record before it, or the new one.
void check_torn(const LatchRecord& before, const LatchRecord& after, Sequence& sequence) {
  const std::string old_slot = encode_slot(before);
  const std::string new_slot = encode_slot(after);
  const std::string stale(kLatchSlotBytes, sequence.below(2) == 0 ? '\0' : 'x');
  const size_t written = sequence.below(kLatchSlotBytes + 1);
  const LatchReading reading = decode_latch(old_slot + new_slot.substr(0, written) + stale.substr(written));
  require(reading.kind == LatchKind::valid, "a torn write costs nothing");
  const bool is_new = reading.record == decode_slot(new_slot).record && after.sequence >= before.sequence;
  require(is_new || reading.record == decode_slot(old_slot).record, "one of both records counts, no third");
}

void run(std::string_view bytes) {
  Input input(bytes);
  const unsigned kind = input.choose(4);
  const Mode fresh_mode = kModes[input.choose(kModes.size())];
  Sequence sequence(bytes);
  std::string file;
  if (kind == 0) {
    file = input.rest();
  } else {
    const unsigned damages = input.choose(4);
    const std::string_view first = input.line();
    file = slot_of(first) + slot_of(input.rest(), kind == 2 ? 2 : 1);
    const SlotReading one = decode_slot(std::string_view(file).substr(0, kLatchSlotBytes));
    const SlotReading two = decode_slot(std::string_view(file).substr(kLatchSlotBytes));
    const bool both_are_ours = one.record.service.size() <= 64 && two.record.service.size() <= 64;
    if (one.kind == SlotKind::valid && two.kind == SlotKind::valid && both_are_ours) {
      check_torn(one.record, two.record, sequence);
    }
    for (unsigned i = 0; i < damages; ++i)
      file[sequence.below(file.size())] ^= static_cast<char>(1U << sequence.below(8));
  }
  const LatchReading reading = decode_latch(file);
  check_reading(reading, file);
  check_start(reading, fresh_mode);
}

HALFDOOR_FUZZ_TARGET(latch, run);

}  // namespace

}  // namespace halfdoor::fuzz
