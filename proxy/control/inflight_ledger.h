// The WriteLedger of a worker over its in-flight file; what became uncertain goes to the list of uncertain writes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "control/switch_environment.h"
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

// Control thread: lists uncertain writes and hands their slots back once the list is on the disk. Until then a slot
// stays taken, so that a restart finds it; what the disk did not take is written again every second.
class UncertainDesk {
 public:
  struct Surroundings {
    std::function<void(std::function<void()>)> post;  // runs a call on the control thread
    std::function<SteadyTime()> now;
  };
  // Both outlive the desk.
  UncertainDesk(UncertainList& list, Surroundings around) : list_(list), around_(std::move(around)) {}

  void take(const std::shared_ptr<InflightFile>& file, InflightFile::Ticket ticket, const UncertainWrite& write);
  // When on_time() is to be called next.
  std::optional<SteadyTime> next_deadline() const { return again_at_; }
  void on_time();

 private:
  struct Slot {
    uint64_t batch;  // with which it is being written; 0: the disk did not take it
    std::shared_ptr<InflightFile> file;
    InflightFile::Ticket ticket;
    UncertainWrite write;
  };
  void list_what_waits();
  void on_listed(uint64_t batch, const Status& status);

  UncertainList& list_;
  Surroundings around_;
  uint64_t last_batch_ = 0;
  std::vector<Slot> slots_;
  std::optional<SteadyTime> again_at_;
};

}  // namespace halfdoor
