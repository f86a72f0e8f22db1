#include "control/inflight_ledger.h"

#include "base/log.h"

namespace halfdoor {

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
  const uint64_t number = ++last_number_;
  slots_.push_back({number, file, ticket});
  list_.append({write},
               [this, number](const Status& status) { post_([this, number, status] { on_listed(number, status); }); });
}

void UncertainDesk::on_listed(uint64_t number, const Status& status) {
  if (!status) {
    // It goes out with the next one; until then its slot stays taken, so a restart finds it.
    log_error("the list of uncertain writes cannot be written: {}", status.error().message);
    return;
  }
  std::erase_if(slots_, [number](const Slot& slot) {
    if (slot.number > number) return false;
    slot.file->release_uncertain(slot.ticket);
    return true;
  });
}

}  // namespace halfdoor
