// Polling the peer and asking it.
#include "peer_link.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "replication_limits.h"
#include "signing.h"

namespace salon {

namespace {

std::int64_t now_ms() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::map<std::string, std::string> to_headers(const PeerView& view) {
  return {{"salon-role", to_text(view.role)}, {"salon-version", to_text(view.version)}};
}

std::optional<PeerView> parse_view(const std::map<std::string, std::string>& headers) {
  const auto role_text = headers.find("salon-role");
  const auto version_text = headers.find("salon-version");
  if (role_text == headers.end() || version_text == headers.end()) return std::nullopt;
  const auto role = parse_role(role_text->second);
  const auto version = parse_version(version_text->second);
  if (!role || !version) return std::nullopt;
  return PeerView{*role, *version};
}

std::string sign_snapshot(const std::string& secret, const std::string& snapshot) {
  return sign(secret, "snapshot", snapshot);
}

PeerLink::PeerLink(event_base* base, std::string secret, PeerListener& listener)
    : base_(base), secret_(std::move(secret)), listener_(listener), next_poll_(base, [this] { poll_now(); }) {}

void PeerLink::set_peer(const Endpoint& peer) {
  peer_ = peer;
  poll_now();
}

FetchRequest PeerLink::signed_request(const std::string& target, std::int64_t timeout_ms) const {
  FetchRequest request{"GET", target, to_headers(listener_.self()), timeout_ms};
  request.headers["authorization"] = "Bearer " + secret_;
  request.headers["salon-url"] = own_url_;
  return request;
}

void PeerLink::poll_now() {
  next_poll_.stop();
  poll_.reset();
  if (!peer_) return;
  const bool is_replica = listener_.self().role == Role::replica;
  const FetchRequest request =
      is_replica ? signed_request(fmt::format("/replication/snapshot?wait_ms={}", limits::snapshot_wait_ms),
                                  limits::snapshot_wait_ms + limits::snapshot_transfer_ms)
                 : signed_request("/replication/status", limits::status_timeout_ms);
  poll_ = std::make_unique<Fetch>(base_, *peer_, request, [this](const FetchResult& result) { polled(result); });
}

// True if the peer spoke; then everybody has been told what it said.
bool PeerLink::understand(const FetchResult& result) {
  const auto view = parse_view(result.headers);
  if (result.status == 0) {
    last_error_ = result.error;
    return false;
  }
  if ((result.status != 200 && result.status != 204) || !view) {
    last_error_ = fmt::format("{} answered {} to a question about replication", peer_->url(), result.status);
    return false;
  }
  note_heard(*view);
  return true;
}

void PeerLink::polled(const FetchResult& result) {
  const bool is_answered = understand(result);
  std::int64_t pause_ms = is_answered ? limits::status_pause_ms : limits::error_pause_ms;
  const bool is_replica = listener_.self().role == Role::replica;
  if (is_answered && is_replica) pause_ms = limits::snapshot_pause_ms;

  const auto mac = result.headers.find("salon-snapshot-mac");
  if (is_answered && is_replica && result.status == 200 && mac != result.headers.end()) {
    if (is_same_secret(mac->second, sign_snapshot(secret_, result.body))) {
      ++snapshots_received_;
      listener_.received_snapshot(result.body);
    } else {
      last_error_ = "a snapshot arrived damaged, or signed with another secret";
      pause_ms = limits::error_pause_ms;
    }
  }
  next_poll_.start(pause_ms);
  listener_.poll_ended(is_answered);
}

void PeerLink::ask(Answer answer) {
  if (!peer_) return answer(std::nullopt, "this host knows no peer");
  if (questions_.size() >= limits::max_questions) return answer(std::nullopt, "too many questions at once");
  const auto question = questions_.emplace(questions_.end());
  *question = std::make_unique<Fetch>(base_, *peer_, signed_request("/replication/status", limits::question_timeout_ms),
                                      [this, question, answer = std::move(answer)](const FetchResult& result) {
                                        const auto fetch = std::move(*question);
                                        questions_.erase(question);
                                        const bool is_answered = understand(result);
                                        answer(is_answered ? last_view_ : std::nullopt,
                                               is_answered ? std::string() : last_error_);
                                      });
}

void PeerLink::note_heard(const PeerView& view) {
  last_view_ = view;
  last_heard_at_ms_ = now_ms();
  last_error_.clear();
  listener_.heard(view);
}

std::int64_t PeerLink::last_heard_ms_ago() const { return last_view_ ? now_ms() - last_heard_at_ms_ : -1; }

}  // namespace salon
