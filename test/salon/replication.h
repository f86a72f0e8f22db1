// Which host takes writes, and how the other gets its data.
//
//                    promote                       freeze
//     replica ----------------------> source ----------------------> frozen
//        ^                             |  ^                          |   |
//        |     peer is newer, follow   |  |         promote          |   |
//        +-----------------------------+  +--------------------------+   |
//        +---------------------------------------------------------------+
//                              peer is newer, follow
//
// Only a source takes writes, and at most one host knows itself source of the newest term: a promotion
// opens a term above every one seen, and a source that meets a newer version becomes its replica by itself.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "exchange.h"
#include "options.h"
#include "peer_link.h"
#include "store.h"
#include "timer.h"

namespace salon {

class Replication final : public PeerListener {
 public:
  Replication(event_base* base, const Options& options);
  // After the host listens: begins to talk to its peer.
  void start(const std::string& own_url);
  void stop();

  const Database& database() const { return store_.database(); }
  Role role() const { return store_.role(); }
  const History& history() const { return store_.history(); }
  const PeerLink& link() const { return link_; }
  const Store& store() const { return store_; }
  bool has_data() const { return !store_.version().is_empty(); }
  bool takes_writes() const { return role() == Role::source && !is_asking_peer_; }
  std::string why_no_writes() const;

  // To be called after a request that may have written.
  void publish_changes();

  struct Verdict {
    int status;  // 200 done or true, 409 refused, 503 not true, 500 tried in vain
    std::string message;
  };
  using Answer = std::function<void(const Verdict&)>;
  // Asks the peer first; with `is_forced` what the peer has and this host lacks is given up.
  void promote(bool is_forced, Answer answer);
  Verdict freeze();
  Verdict follow();
  // 200: this host has every change that the peer has, and the peer takes no writes. Else 503.
  void caught_up(Answer answer);

  // The peer asks: it is answered as soon as there is data newer than `known`, or after `wait_ms`.
  void wait_for_snapshot(ExchangePtr exchange, const Version& known, std::int64_t wait_ms);
  // A request of the peer tells its role, version and where it listens.
  void heard_from_request(const Request& request);

  PeerView self() const override;
  void heard(const PeerView& peer) override;
  void received_snapshot(const std::string& snapshot) override;
  void poll_ended(bool is_answered) override;

 private:
  struct Waiter {
    ExchangePtr exchange;
    Version known;
    std::unique_ptr<Timer> timer;
  };

  void open_for_writing_if_allowed();
  void role_changed(const std::string& why);
  void answer_with_snapshot(Exchange& exchange, const Version& known);
  void answer_waiters(bool only_with_news);
  std::int64_t next_own_term() const;
  Verdict judge_caught_up(const PeerView& peer) const;

  event_base* base_;
  const Options& options_;
  Store store_;
  PeerLink link_;
  Timer peer_wait_;
  bool is_asking_peer_ = false;  // a source that does not know yet whether it was replaced
  std::list<Waiter> waiters_;
};

}  // namespace salon
