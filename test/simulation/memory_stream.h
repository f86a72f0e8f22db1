// MemoryStream: a Stream without a socket. It behaves as one does: bounded buffers both ways, partial writes, readiness
// by edges, half-closes, resets that throw away what is queued.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "event/stream.h"

namespace halfdoor {

class MemoryStream;

// Looks on from outside while the proxy uses its end of a connection.
class ConnectionWatcher {
 public:
  // Before a system call of the proxy. False: the process that makes it was killed, so it has no effect.
  virtual bool is_alive_at_call() = 0;
  // The far end may act once more before the write that follows.
  virtual void on_about_to_write() = 0;
  virtual void on_written(size_t bytes) = 0;
  // It wrote, read, shut, closed or reset.
  virtual void on_proxy_acted() = 0;

 protected:
  ~ConnectionWatcher() = default;
};

// What both ends share: the queues that a kernel would hold.
struct MemoryConnection {
  std::string to_peer;   // written by the proxy, not yet taken by the far end
  std::string to_proxy;  // sent by the far end, not yet read by the proxy
  size_t to_peer_capacity = 64 << 10;
  size_t to_proxy_capacity = 64 << 10;
  size_t most_per_write = SIZE_MAX;  // a smaller one makes every write partial
  MemoryStream* stream = nullptr;    // null once the proxy has let go of it
  ConnectionWatcher* watcher = nullptr;
  bool is_connecting = false;
  bool has_edge = false;          // something has changed since the handler was called
  bool write_is_blocked = false;  // a write found no room
  bool peer_finished = false;     // FIN stands behind to_proxy
  bool peer_reset = false;
  bool proxy_finished = false;  // FIN stands behind to_peer
  bool proxy_reset = false;
  bool is_closed = false;
  bool is_severed = false;  // the proxy's process has ended; what its stream still does has no effect
  int error = 0;            // SO_ERROR
  uint64_t written_by_proxy = 0;

  // The process ends without a word: the kernel closes for it, and goes on delivering what it holds.
  void sever();
  void close_as_kernel(bool by_reset);
  bool may_call() const { return !is_severed && (watcher == nullptr || watcher->is_alive_at_call()); }
  void tell_watcher() const {
    if (watcher != nullptr) watcher->on_proxy_acted();
  }
};

class MemoryStream final : public Stream {
 public:
  explicit MemoryStream(std::shared_ptr<MemoryConnection> connection);
  ~MemoryStream() override;

  IoResult read(char* into, size_t most) override;
  IoResult write(const struct iovec* pieces, int count) override;
  int finish_connect() override;
  void shutdown_write() override;
  void reset_on_close() override { resets_ = true; }

  // Calls the handler if there was an edge: like epoll, it then shows everything that is ready.
  bool deliver_edge();

 private:
  IoResult do_nothing();

  std::shared_ptr<MemoryConnection> connection_;
  bool resets_ = false;
};

// The far end of a connection, played by a test: a client, or a server's half of an upstream connection.
class MemoryPeer {
 public:
  explicit MemoryPeer(std::shared_ptr<MemoryConnection> connection) : connection_(std::move(connection)) {}

  // The proxy's end, to be made once.
  std::unique_ptr<Stream> make_stream() { return std::make_unique<MemoryStream>(connection_); }
  // Enters the connection as there is room, in order.
  void send(std::string_view bytes) { outbox_.append(bytes); }
  // So many bytes 'x', without ever holding them.
  void send_filler(uint64_t bytes) { filler_left_ += bytes; }
  // Nothing more comes from us, once what was sent has left.
  void finish() { is_finishing_ = true; }
  // As finish(), and what arrives from now on is answered by a reset.
  void close() { is_finishing_ = is_closed_ = true; }
  void reset();
  // Takes no bytes any more, or only so many.
  void stop_reading() { allowance_ = 0; }
  void read_at_most(uint64_t bytes) { allowance_ = bytes; }
  void read_on() { allowance_ = UINT64_MAX; }
  // Counts what comes instead of keeping it.
  void count_only() { counts_only_ = true; }

  const std::string& received() const { return received_; }
  void forget_received() { received_.clear(); }
  void replace_received(std::string rest) { received_ = std::move(rest); }
  uint64_t received_bytes() const { return received_bytes_; }
  bool saw_end() const { return saw_end_; }
  bool saw_reset() const { return saw_reset_; }
  bool is_over() const { return saw_end_ || saw_reset_; }
  bool has_unsent() const { return unsent_bytes() > 0; }
  uint64_t unsent_bytes() const { return outbox_.size() + filler_left_; }
  MemoryConnection& connection() { return *connection_; }

  // Moves what can be moved; returns whether anything was.
  bool pump();
  std::function<void(MemoryPeer&)> on_received;

 private:
  bool push_out();
  bool take_in();

  std::shared_ptr<MemoryConnection> connection_;
  std::string outbox_;
  std::string received_;
  uint64_t filler_left_ = 0;
  uint64_t allowance_ = UINT64_MAX;
  uint64_t received_bytes_ = 0;
  bool is_finishing_ = false;
  bool is_closed_ = false;
  bool counts_only_ = false;
  bool saw_end_ = false;
  bool saw_reset_ = false;
};

}  // namespace halfdoor
