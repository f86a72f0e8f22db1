// The role machine of one host.
#include "replication.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "replication_limits.h"

namespace salon {

Replication::Replication(event_base* base, const Options& options)
    : base_(base),
      options_(options),
      store_(options.data, options.is_primary, options.name),
      link_(base, options.secret, *this),
      peer_wait_(base, [this] {
        fmt::print(stderr, "salon {}: no word from the peer; takes writes without it\n", options_.name);
        is_asking_peer_ = false;
        open_for_writing_if_allowed();
      }) {}

void Replication::start(const std::string& own_url) {
  link_.set_own_url(own_url);
  auto peer = options_.peer;
  if (!peer && !store_.remembered_peer().empty()) peer = parse_url(store_.remembered_peer());
  // While this host was away the peer may have been promoted. One that starts for the first time needs
  // only an attempt (poll_ended); any other waits for an answer, but not for ever: the peer may be dead.
  is_asking_peer_ = role() == Role::source && peer.has_value();
  if (is_asking_peer_) peer_wait_.start(options_.peer_wait_ms);
  open_for_writing_if_allowed();
  if (peer) link_.set_peer(*peer);
}

void Replication::stop() { waiters_.clear(); }

PeerView Replication::self() const { return {role(), store_.version()}; }

std::string Replication::why_no_writes() const {
  if (is_asking_peer_ && role() == Role::source) return "this host has just started and asks its peer who is in charge";
  if (role() == Role::frozen) return "this host is frozen";
  return "this host is a read-only copy";
}

void Replication::open_for_writing_if_allowed() {
  if (takes_writes()) store_.open_for(Database::Access::read_write);
}

void Replication::role_changed(const std::string& why) {
  fmt::print(stderr, "salon {}: {}, term {}, change {}: {}\n", options_.name, to_text(role()), store_.version().term,
             store_.version().change, why);
  answer_waiters(false);  // the peer shall know at once
  link_.poll_now();
}

void Replication::publish_changes() {
  if (role() == Role::source && store_.note_changes()) answer_waiters(true);
}

void Replication::heard(const PeerView& peer) {
  // Without a look at the database, somebody's change with the sqlite3 shell, once copied, would make
  // the peer seem newer than its source.
  if (role() == Role::source) store_.note_changes();
  if (role() == Role::replica || !is_newer(peer.version, store_.version())) return;
  is_asking_peer_ = false;
  try {
    store_.change_role(Role::replica);
  } catch (const std::exception& error) {
    // It is a replica from now on all the same; after a restart it finds out again.
    fmt::print(stderr, "salon {}: the role cannot be stored: {}\n", options_.name, error.what());
  }
  role_changed(fmt::format("follows the peer, which is {} of term {}, change {}", to_text(peer.role), peer.version.term,
                           peer.version.change));
}

void Replication::received_snapshot(const std::string& snapshot) {
  try {
    const Version before = store_.version();
    const std::string aside = store_.apply(snapshot);
    if (!aside.empty()) {
      fmt::print(stderr, "salon {}: changes of term {} up to {} exist only here; the old data is kept as {}\n",
                 options_.name, before.term, before.change, aside);
    }
    if (store_.version() != before) answer_waiters(true);
  } catch (const std::exception& error) {
    // The data is as it was; the next poll brings it again.
    fmt::print(stderr, "salon {}: a snapshot could not be applied: {}\n", options_.name, error.what());
  }
}

void Replication::poll_ended(bool is_answered) {
  publish_changes();  // those of the sqlite3 shell
  if (!is_asking_peer_ || (!is_answered && !store_.is_new())) return;
  is_asking_peer_ = false;
  peer_wait_.stop();
  open_for_writing_if_allowed();
}

void Replication::heard_from_request(const Request& request) {
  const auto view = parse_view(request.headers);
  if (!view) return;  // an operator's ctl, not the peer
  if (!options_.peer) {
    const std::string url = request.header("salon-url");
    const auto peer = parse_url(url);
    if (peer && (!link_.peer() || link_.peer()->url() != peer->url())) {
      store_.remember_peer(peer->url());
      link_.set_peer(*peer);
    }
  }
  link_.note_heard(*view);
}

// Odd for the host set up as primary, even for the backup: two promotions never open the same term.
std::int64_t Replication::next_own_term() const {
  std::int64_t term = store_.version().term;
  if (link_.last_view()) term = std::max(term, link_.last_view()->version.term);
  ++term;
  const bool is_odd = term % 2 != 0;
  return is_odd == options_.is_primary ? term : term + 1;
}

void Replication::promote(bool is_forced, Answer answer) {
  if (takes_writes()) return answer({200, "takes writes already"});
  link_.ask([this, is_forced, answer = std::move(answer)](const std::optional<PeerView>& peer,
                                                          const std::string& why_not) {
    if (takes_writes()) return answer({200, "takes writes already"});
    if (!has_data()) return answer({409, "this host has never received any data"});
    if (peer && !is_forced && !history().covers(peer->version)) {
      return answer(
          {409, fmt::format("the peer has changes that this host lacks: peer at term {}, change {}; here term "
                            "{}, change {}",
                            peer->version.term, peer->version.change, store_.version().term, store_.version().change)});
    }
    is_asking_peer_ = false;
    try {
      store_.begin_term(next_own_term());
    } catch (const std::exception& error) {
      return answer({500, fmt::format("not promoted: {}", error.what())});
    }
    role_changed("promoted");
    answer({200, peer ? "promoted" : "promoted without the peer: " + why_not});
  });
}

Replication::Verdict Replication::freeze() {
  if (role() != Role::source) return {200, fmt::format("took no writes already, as {}", to_text(role()))};
  is_asking_peer_ = false;
  store_.note_changes();
  store_.change_role(Role::frozen);
  role_changed("frozen");
  return {200, "frozen: takes no more writes"};
}

Replication::Verdict Replication::follow() {
  if (role() == Role::replica) return {200, "follows the peer already"};
  is_asking_peer_ = false;
  store_.change_role(Role::replica);
  role_changed("told to follow the peer");
  return {200, "follows the peer"};
}

Replication::Verdict Replication::judge_caught_up(const PeerView& peer) const {
  const Version own = store_.version();
  if (!history().covers(peer.version)) {
    return {503, fmt::format(
                     "the peer has changes that this host lacks: peer at term {}, change {}; here term {}, change {}",
                     peer.version.term, peer.version.change, own.term, own.change)};
  }
  if (peer.role == Role::source) return {503, "the peer still takes writes: freeze it first"};
  return {200, "this host has every change that the peer has, and the peer takes no writes"};
}

void Replication::caught_up(Answer answer) {
  // A fresh answer every time: what the peer was half a second ago proves nothing.
  link_.ask([this, answer = std::move(answer)](const std::optional<PeerView>& peer, const std::string& why_not) {
    if (!peer) return answer({503, "unknown, the peer does not answer: " + why_not});
    if (role() == Role::source) store_.note_changes();
    answer(judge_caught_up(*peer));
  });
}

void Replication::answer_with_snapshot(Exchange& exchange, const Version& known) {
  Response response{204, "", "", {{"Cache-Control", "no-store"}}};
  for (const auto& header : to_headers(self())) response.headers.push_back(header);
  if (is_newer(store_.version(), known)) {
    response.status = 200;
    response.content_type = "application/vnd.sqlite3";
    response.body = *store_.snapshot();
    response.headers.emplace_back("Salon-Snapshot-Mac", sign_snapshot(options_.secret, response.body));
  }
  exchange.answer(response);
}

void Replication::wait_for_snapshot(ExchangePtr exchange, const Version& known, std::int64_t wait_ms) {
  if (wait_ms <= 0 || waiters_.size() >= limits::max_waiting || is_newer(store_.version(), known)) {
    return answer_with_snapshot(*exchange, known);
  }
  const auto waiter = waiters_.insert(waiters_.end(), Waiter{std::move(exchange), known, nullptr});
  waiter->timer = std::make_unique<Timer>(base_, [this, waiter] {
    const Waiter late = std::move(*waiter);
    waiters_.erase(waiter);
    answer_with_snapshot(*late.exchange, late.known);
  });
  waiter->timer->start(wait_ms);
}

void Replication::answer_waiters(bool only_with_news) {
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    const auto next = std::next(waiter);
    if (!only_with_news || is_newer(store_.version(), waiter->known)) {
      answer_with_snapshot(*waiter->exchange, waiter->known);
      waiters_.erase(waiter);
    }
    waiter = next;
  }
}

}  // namespace salon
