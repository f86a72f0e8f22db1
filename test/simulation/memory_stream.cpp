#include "simulation/memory_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace halfdoor {

MemoryStream::MemoryStream(std::shared_ptr<MemoryConnection> connection) : connection_(std::move(connection)) {
  connection_->stream = this;
  writable_ = !connection_->is_connecting;
}

MemoryStream::~MemoryStream() {
  const bool has_effect = connection_->may_call();
  connection_->stream = nullptr;
  if (has_effect) connection_->close_as_kernel(resets_);
}

void MemoryConnection::close_as_kernel(bool by_reset) {
  is_closed = true;
  if (by_reset || !to_proxy.empty() || peer_reset) {
    // A kernel throws away its queue, too, when bytes were left unread.
    proxy_reset = true;
    to_peer.clear();
  } else {
    proxy_finished = true;
  }
  to_proxy.clear();
  tell_watcher();
}

void MemoryConnection::sever() {
  if (is_severed) return;
  is_severed = true;
  if (!is_closed) close_as_kernel(is_connecting);
}

void MemoryStream::shutdown_write() {
  if (!connection_->may_call()) return;
  connection_->proxy_finished = true;
  connection_->tell_watcher();
}

IoResult MemoryStream::read(char* into, size_t most) {
  if (!connection_->may_call()) return do_nothing();
  std::string& queue = connection_->to_proxy;
  if (!queue.empty()) {
    const size_t bytes = std::min(most, queue.size());
    std::memcpy(into, queue.data(), bytes);
    queue.erase(0, bytes);
    if (bytes < most && !closed_) readable_ = false;
    connection_->tell_watcher();
    return {IoResult::Status::ok, bytes, 0};
  }
  if (connection_->peer_reset) {
    connection_->error = 0;
    return {IoResult::Status::failed, 0, ECONNRESET};
  }
  readable_ = false;
  if (!connection_->peer_finished) return {IoResult::Status::would_block, 0, 0};
  closed_ = true;
  return {IoResult::Status::end, 0, 0};
}

IoResult MemoryStream::do_nothing() {
  readable_ = writable_ = false;
  return {IoResult::Status::would_block, 0, 0};
}

IoResult MemoryStream::write(const struct iovec* pieces, int count) {
  if (!connection_->may_call()) return do_nothing();
  if (connection_->watcher != nullptr) connection_->watcher->on_about_to_write();
  if (connection_->peer_reset || connection_->proxy_finished) {
    connection_->error = 0;
    return {IoResult::Status::failed, 0, EPIPE};
  }
  const size_t queued = connection_->to_peer.size();
  size_t room = connection_->to_peer_capacity > queued ? connection_->to_peer_capacity - queued : 0;
  room = std::min(room, connection_->most_per_write);
  if (room == 0) {
    writable_ = false;
    connection_->write_is_blocked = true;
    return {IoResult::Status::would_block, 0, 0};
  }
  size_t written = 0;
  for (int i = 0; i < count && written < room; ++i) {
    const size_t bytes = std::min(pieces[i].iov_len, room - written);
    connection_->to_peer.append(static_cast<const char*>(pieces[i].iov_base), bytes);
    written += bytes;
  }
  connection_->written_by_proxy += written;
  if (connection_->watcher != nullptr) connection_->watcher->on_written(written);
  connection_->tell_watcher();
  return {IoResult::Status::ok, written, 0};
}

int MemoryStream::finish_connect() { return std::exchange(connection_->error, 0); }

bool MemoryStream::deliver_edge() {
  if (!std::exchange(connection_->has_edge, false)) return false;
  const bool is_broken = connection_->peer_reset;
  if (!connection_->to_proxy.empty() || connection_->peer_finished || is_broken) readable_ = true;
  if (connection_->peer_finished || is_broken) closed_ = true;
  if (!connection_->is_connecting && connection_->to_peer.size() < connection_->to_peer_capacity) writable_ = true;
  if (is_broken) writable_ = true;
  if (handler_ != nullptr) handler_->on_stream_ready();
  return true;
}

void MemoryPeer::reset() {
  outbox_.clear();
  filler_left_ = 0;
  is_closed_ = true;
  connection_->peer_reset = connection_->has_edge = true;
  connection_->error = ECONNRESET;
  connection_->to_peer.clear();
}

bool MemoryPeer::push_out() {
  MemoryConnection& connection = *connection_;
  if (connection.stream == nullptr) {
    if (!has_unsent()) return false;
    // It talks to nobody: that is answered by a reset.
    outbox_.clear();
    filler_left_ = 0;
    connection.proxy_reset = true;
    connection.to_peer.clear();
    return true;
  }
  if (connection.is_connecting || connection.peer_reset) return false;
  bool moved = false;
  const size_t room = connection.to_proxy_capacity - std::min(connection.to_proxy_capacity, connection.to_proxy.size());
  const size_t bytes = std::min(room, outbox_.size());
  connection.to_proxy.append(outbox_, 0, bytes);
  outbox_.erase(0, bytes);
  const auto filler = static_cast<size_t>(outbox_.empty() ? std::min<uint64_t>(room - bytes, filler_left_) : 0);
  connection.to_proxy.append(filler, 'x');
  filler_left_ -= filler;
  moved = bytes + filler > 0;
  if (is_finishing_ && !has_unsent() && !connection.peer_finished) moved = connection.peer_finished = true;
  if (moved) connection.has_edge = true;
  return moved;
}

bool MemoryPeer::take_in() {
  MemoryConnection& connection = *connection_;
  if (is_closed_ && !connection.to_peer.empty() && !connection.peer_reset) {
    reset();
    return true;
  }
  const auto bytes = static_cast<size_t>(std::min<uint64_t>(allowance_, connection.to_peer.size()));
  if (bytes > 0) {
    received_bytes_ += bytes;
    if (!counts_only_) received_.append(connection.to_peer, 0, bytes);
    connection.to_peer.erase(0, bytes);
    if (allowance_ != UINT64_MAX) allowance_ -= bytes;
    if (std::exchange(connection.write_is_blocked, false)) connection.has_edge = true;
  }
  bool moved = bytes > 0;
  if (connection.proxy_reset && !saw_reset_) moved = saw_reset_ = true;
  if (connection.proxy_finished && connection.to_peer.empty() && !is_over()) moved = saw_end_ = true;
  return moved;
}

bool MemoryPeer::pump() {
  const bool pushed = push_out();
  const bool taken = take_in();
  if (taken && on_received) on_received(*this);
  return pushed || taken;
}

}  // namespace halfdoor
