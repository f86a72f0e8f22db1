#include "simulation/far_end.h"

#include <algorithm>
#include <cerrno>

namespace halfdoor {

FarEnd::FarEnd(Schedule& schedule, Owner& owner, const Pace& pace)
    : schedule_(schedule), owner_(owner), pace_(pace), connection_(std::make_shared<MemoryConnection>()) {
  connection_->watcher = this;
}

void FarEnd::wake() {
  connection_->has_edge = true;
  if (near_ != nullptr) near_->wake(*this);
}

void FarEnd::establish() {
  if (!connection_->is_connecting || connection_->is_closed) return;
  connection_->is_connecting = false;
  wake();
  owner_.on_connected();
  step_later(0);
}

void FarEnd::refuse() {
  if (!connection_->is_connecting || connection_->is_closed) return;
  connection_->is_connecting = false;
  connection_->error = ECONNREFUSED;
  connection_->peer_reset = true;
  wake();
}

void FarEnd::send(std::string_view bytes) {
  if (bytes.empty()) return;
  if (sent_ > 0 && sent_ == outbox_.size()) {
    outbox_.clear();
    sent_ = 0;
  }
  outbox_.append(bytes);
  step_later(0);
}

void FarEnd::finish() {
  is_finishing_ = true;
  step_later(0);
}

void FarEnd::close() {
  is_finishing_ = is_closed_ = true;
  step_later(0);
}

void FarEnd::reset() {
  outbox_.clear();
  sent_ = 0;
  is_finishing_ = is_closed_ = true;
  if (connection_->peer_reset) return;
  connection_->peer_reset = true;
  connection_->error = ECONNRESET;
  connection_->to_peer.clear();
  wake();
}

void FarEnd::read_on() {
  reads_ = true;
  step_later(0);
}

void FarEnd::thaw() {
  is_frozen_ = false;
  step_later(0);
}

void FarEnd::on_proxy_acted() {
  // A reset is noticed at once by whoever looks on from outside; its owner hears of it with the next step. Behind an
  // end of the proxy's half there may be room for more of ours.
  if (is_over_ && unsent() == 0) return;
  step_later(pace_.latency);
}

void FarEnd::step_later(Micros delay) {
  const Micros at = schedule_.now() + delay;
  if (step_at_ != kNeverUs && step_at_ <= at) return;
  step_at_ = at;
  schedule_.after(delay, [this, at] {
    if (step_at_ != at) return;
    step_at_ = kNeverUs;
    step();
  });
}

void FarEnd::step() {
  if (is_frozen_) return;
  if (connection_->is_connecting) return end_if_over();
  const bool pushed = push();
  take();
  end_if_over();
  if (pushed && unsent() > 0) step_later(pace_.step);
}

bool FarEnd::push() {
  MemoryConnection& connection = *connection_;
  if (connection.peer_reset || (unsent() == 0 && !is_finishing_)) return false;
  if (connection.is_closed) {
    if (unsent() == 0) return false;
    // It talks to nobody: that is answered by a reset.
    outbox_.clear();
    sent_ = 0;
    connection.proxy_reset = true;
    connection.to_peer.clear();
    return true;
  }
  const size_t room = connection.to_proxy_capacity - std::min(connection.to_proxy_capacity, connection.to_proxy.size());
  const size_t most = bytes_entered_ < pace_.dribble_until ? 1 : pace_.send_at_most;
  const size_t bytes = std::min({room, unsent(), most});
  connection.to_proxy.append(outbox_, sent_, bytes);
  sent_ += bytes;
  bytes_entered_ += bytes;
  bool moved = bytes > 0;
  if (is_finishing_ && unsent() == 0 && !connection.peer_finished) moved = connection.peer_finished = true;
  if (moved) wake();
  if (bytes > 0) owner_.on_entered();
  return moved;
}

void FarEnd::take() {
  MemoryConnection& connection = *connection_;
  if (connection.to_peer.empty() || connection.peer_reset) return;
  if (is_closed_) return reset();
  if (!reads_) return;
  const size_t bytes = std::min(connection.to_peer.size(), pace_.read_at_most);
  const std::string taken = connection.to_peer.substr(0, bytes);
  connection.to_peer.erase(0, bytes);
  bytes_read_ += bytes;
  if (connection.write_is_blocked) {
    connection.write_is_blocked = false;
    wake();
  }
  if (!connection.to_peer.empty()) step_later(pace_.step);
  owner_.on_bytes(taken);
}

void FarEnd::end_if_over() {
  if (is_over_) return;
  const bool by_reset = connection_->proxy_reset || connection_->peer_reset;
  const bool by_end = connection_->proxy_finished && connection_->to_peer.empty();
  if (!by_reset && !by_end) return;
  is_over_ = true;
  owner_.on_over(by_reset);
}

}  // namespace halfdoor
