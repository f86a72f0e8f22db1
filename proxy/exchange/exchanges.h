// Exchanges: all exchanges of a worker, those in use and those kept for reuse; and what a switch does to them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "exchange/exchange.h"
#include "exchange/server_watch.h"

namespace halfdoor {

// How the draining of a service ended.
struct DrainTally {
  uint64_t epoch = 0;
  uint64_t left = 0;  // exchanges that are where the mode would not have them
  uint64_t writes_finished = 0;
  uint64_t writes_uncertain = 0;
  uint64_t reads_moved = 0;
  uint64_t cut = 0;
};

// What was found when a snapshot was made current.
struct DrainStart {
  uint64_t writes = 0;
  uint64_t others = 0;
};

// Belongs to its worker's thread.
class Exchanges final : public ServerWatch::Owner {
 public:
  class Observer {
   public:
    // Live traffic met an error or silence of this server, for the first time since its last check began.
    virtual void on_suspect(ServerId server) = 0;
    // Nothing is left of what began before this epoch. Once per begin_drain(), unless superseded by another.
    virtual void on_drained(uint16_t service, const DrainTally& tally) = 0;
    // No exchange is left at all.
    virtual void on_all_ended() = 0;

   protected:
    ~Observer() = default;
  };

  Exchanges(ExchangeEnvironment& environment, Observer& observer, size_t services);
  ~Exchanges();
  Exchanges(const Exchanges&) = delete;
  Exchanges& operator=(const Exchanges&) = delete;

  // One in state `reading`; it belongs to this object and is ended by Exchange::leave().
  Exchange& take();

  // At the end of a turn, when no function of an exchange is on the stack: those that ended may be used again.
  void reclaim();

  // The environment's current snapshot is new: judges again every exchange of the service.
  DrainStart begin_drain(uint16_t service);
  // Calls on_drained if nothing is left; to be called once after begin_drain().
  void tell_if_drained(uint16_t service);
  // Ends every exchange that holds this generation and has handed nothing on.
  void release_generation(const Generation& generation);
  // A graceful stop: tunnels end as soon as they are quiet, at the latest after this long; no more are opened.
  void begin_stop(int64_t drain_ms);
  bool is_stopping() const { return is_stopping_; }
  // Ends everything; returns how many that were.
  uint64_t cut_all(std::string_view why);

  bool empty() const { return in_use_ == 0; }
  // Those whose client has gone and that wait for the outcome of a write alone.
  uint64_t orphans() const { return orphans_; }
  IntrusiveList<Exchange, Exchanges>& active() { return active_; }

  // For Exchange ------------------------------------------------------------------------------------------------------
  void recycle(Exchange& exchange);
  void on_orphaned() { ++orphans_; }
  void on_orphan_ended() { --orphans_; }
  void on_drain_end(uint16_t service, DrainEnd end, bool was_cut);
  // At most once a second: a flood of refusals must not become a flood of lines.
  bool complains_of_ledger();
  // At a switch, one was judged anew at once instead of draining.
  void on_moved_at_once(uint16_t service) { ++drains_[service].reads_moved; }
  const ServerWatches::OfSide& servers(uint16_t service, Side side) const { return watches_.side(service, side); }

  void on_suspect(ServerWatch& server) override;
  void on_silent(ServerWatch& server, bool is_news) override;

 private:
  static constexpr size_t kMostKept = 1024;
  // What each counts against the memory budget: itself, the first chunk of its arena, and lists of fields.
  static constexpr size_t kBytesEach = 8192;

  // Those of now: acting on one may end others.
  std::vector<Exchange*> all_active();

  ExchangeEnvironment& environment_;
  Observer& observer_;
  ServerWatches watches_;
  IntrusiveList<Exchange, Exchanges> active_;
  std::vector<std::unique_ptr<Exchange>> left_;  // ended in this turn
  std::vector<std::unique_ptr<Exchange>> kept_;
  std::vector<DrainTally> drains_;  // by service
  std::vector<bool> is_draining_;
  size_t in_use_ = 0;
  uint64_t orphans_ = 0;
  int64_t complains_next_ms_ = 0;
  bool is_judging_ = false;
  bool is_stopping_ = false;
};

}  // namespace halfdoor
