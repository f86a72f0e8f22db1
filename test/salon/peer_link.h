// What a host knows of its peer, and the requests by which it learns that: polls, snapshots, questions.
//
// Both hosts send role and version with every request and every answer under /replication, so one
// request tells both. A peer that hangs costs a timeout, never a turn of the event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "fetch.h"
#include "options.h"
#include "store.h"
#include "timer.h"
#include "version.h"

namespace salon {

struct PeerView {
  Role role = Role::replica;
  Version version;
};

// Header names are in lower case, as Fetch and Request keep them.
std::map<std::string, std::string> to_headers(const PeerView& view);
std::optional<PeerView> parse_view(const std::map<std::string, std::string>& headers);

// Signs a snapshot, so that a replica copies from nobody but its peer.
std::string sign_snapshot(const std::string& secret, const std::string& snapshot);

// The side of the link that decides.
class PeerListener {
 public:
  virtual ~PeerListener() = default;
  virtual PeerView self() const = 0;
  virtual void heard(const PeerView& peer) = 0;
  virtual void received_snapshot(const std::string& snapshot) = 0;
  virtual void poll_ended(bool is_answered) = 0;
};

class PeerLink {
 public:
  PeerLink(event_base* base, std::string secret, PeerListener& listener);

  void set_own_url(const std::string& url) { own_url_ = url; }
  void set_peer(const Endpoint& peer);
  const std::optional<Endpoint>& peer() const { return peer_; }

  // Polls for ever: a replica asks for newer data and is answered when there is some; any other host
  // asks every half second how the peer is. Call it again when the own role has changed.
  void poll_now();

  // One fresh answer: nothing if the peer gives none in time, and then why.
  using Answer = std::function<void(std::optional<PeerView> peer, const std::string& why_not)>;
  void ask(Answer answer);

  void note_heard(const PeerView& view);  // the peer sent us a request
  const std::optional<PeerView>& last_view() const { return last_view_; }
  std::int64_t last_heard_ms_ago() const;
  const std::string& last_error() const { return last_error_; }
  std::uint64_t snapshots_received() const { return snapshots_received_; }

 private:
  void polled(const FetchResult& result);
  bool understand(const FetchResult& result);
  FetchRequest signed_request(const std::string& target, std::int64_t timeout_ms) const;

  event_base* base_;
  std::string secret_;
  PeerListener& listener_;
  std::string own_url_;
  std::optional<Endpoint> peer_;
  std::optional<PeerView> last_view_;
  std::int64_t last_heard_at_ms_ = 0;
  std::string last_error_ = "not asked yet";
  std::uint64_t snapshots_received_ = 0;
  std::unique_ptr<Fetch> poll_;
  Timer next_poll_;
  std::list<std::unique_ptr<Fetch>> questions_;
};

}  // namespace salon
