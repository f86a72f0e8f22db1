// The WriteLedger of a worker over its in-flight file; what became uncertain goes to the list of uncertain writes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "exchange/write_ledger.h"
#include "failover/inflight_file.h"

namespace halfdoor {

// Worker's thread. `tell` is called on it with a slot whose write became uncertain, and must only hand it on.
class InflightLedger : public WriteLedger {
 public:
  using Tell = std::function<void(InflightFile::Ticket, UncertainWrite)>;

  InflightLedger(std::shared_ptr<InflightFile> file, Tell tell) : file_(std::move(file)), tell_(std::move(tell)) {}

  std::optional<Ticket> begin(const WriteIdentity& identity) override;
  void clear(Ticket ticket) override { file_->clear(ticket); }
  void mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why) override {
    tell_(ticket, file_->mark_uncertain(ticket, bytes_sent, why));
  }

 private:
  std::shared_ptr<InflightFile> file_;
  Tell tell_;
};

// Control thread: lists uncertain writes and hands their slots back once the list is on the disk.
class UncertainDesk {
 public:
  // `post` runs a call on the control thread. Both outlive the desk.
  UncertainDesk(UncertainList& list, std::function<void(std::function<void()>)> post)
      : list_(list), post_(std::move(post)) {}

  void take(const std::shared_ptr<InflightFile>& file, InflightFile::Ticket ticket, const UncertainWrite& write);

 private:
  struct Slot {
    uint64_t number;
    std::shared_ptr<InflightFile> file;
    InflightFile::Ticket ticket;
  };
  void on_listed(uint64_t number, const Status& status);

  UncertainList& list_;
  std::function<void(std::function<void()>)> post_;
  uint64_t last_number_ = 0;
  std::vector<Slot> slots_;  // in the order of their numbers
};

}  // namespace halfdoor
