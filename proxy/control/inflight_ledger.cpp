#include "control/inflight_ledger.h"

#include "base/log.h"

namespace halfdoor {

namespace {

constexpr Milliseconds kListAgainAfter{1'000};

}  // namespace

std::optional<WriteLedger::Ticket> InflightLedger::begin(const WriteIdentity& identity) {
  WriteRecord record;
  record.wall_ms = identity.wall_ms;
  record.request_id = identity.request_id;
  record.service = identity.service;
  record.epoch = identity.epoch;
  record.method = identity.method;
  record.path = identity.path;
  record.client = identity.client;
  record.side = identity.side;
  record.server = identity.server;
  return file_->begin(record);
}

void UncertainDesk::take(const std::shared_ptr<InflightFile>& file, InflightFile::Ticket ticket,
                         const UncertainWrite& write) {
  log_warning("{}: uncertain write {} {} {} by {} to the {} ({}): {}", write.service, write.request_id, write.method,
              write.path, write.client, to_text(write.side), write.server, write.why);
  slots_.push_back({0, file, ticket, write});
  // While the disk is in trouble they wait for each other: one attempt a second for all of them.
  if (!again_at_) list_what_waits();
}

void UncertainDesk::list_what_waits() {
  const uint64_t batch = ++last_batch_;
  std::vector<UncertainWrite> writes;
  for (Slot& slot : slots_) {
    if (slot.batch != 0) continue;
    slot.batch = batch;
    writes.push_back(slot.write);
  }
  // The desk may be gone when a job that hung comes back; what is posted then is dropped.
  list_.append(writes, [this, batch, post = around_.post](const Status& status) {
    post([this, batch, status] { on_listed(batch, status); });
  });
}

void UncertainDesk::on_listed(uint64_t batch, const Status& status) {
  if (!status) {
    if (!again_at_) log_error("the list of uncertain writes cannot be written: {}", status.error().message);
    for (Slot& slot : slots_) slot.batch = slot.batch == batch ? 0 : slot.batch;
    again_at_ = around_.now() + kListAgainAfter;
    return;
  }
  std::erase_if(slots_, [batch](const Slot& slot) {
    if (slot.batch != batch) return false;
    slot.file->release_uncertain(slot.ticket);
    return true;
  });
}

void UncertainDesk::on_time() {
  if (!again_at_ || around_.now() < *again_at_) return;
  again_at_.reset();
  list_what_waits();
}

}  // namespace halfdoor
