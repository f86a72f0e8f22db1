// UpstreamConnection: one connection towards a server; carries one exchange at a time, or waits in the pool.
//
//   connecting ──> in_use <──> idle
//        └───────────┴──────────┴──> dead      (moved by move_to() alone)
//
// A tunnel is an in_use connection on which bytes are no longer read as HTTP; it never becomes idle again.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/address.h"
#include "base/block.h"
#include "base/slice_queue.h"
#include "config/mode.h"
#include "event/stream.h"
#include "event/timer_wheel.h"
#include "event/turn.h"
#include "http/client_codec.h"
#include "http/response_parser.h"
#include "upstream/server_id.h"
#include "upstream/server_silence.h"

namespace halfdoor {

class Pools;
struct ServerPoolTag;

// Why an attempt ended without a complete response. Whether a retry is safe also depends on what had been sent.
struct UpstreamFailure {
  enum class Kind : uint8_t {
    connect,      // no connection came to be
    closed,       // the server closed or reset before the final response was complete
    bad_message,  // it sent what no strict parser accepts
  };
  Kind kind = Kind::closed;
  std::string_view what;  // a literal for log and lists
  int error = 0;          // errno, 0: none
};

// The exchange that uses a connection. It may release or destroy the connection within any of these calls.
class UpstreamUser {
 public:
  // The socket can take output: append the next bytes of the request. Nothing appended: nothing to send now.
  virtual void pull_request(SliceQueue& out) = 0;
  virtual void on_request_sent(size_t bytes) = 0;
  // The head storage given to begin_response() holds an interim or the final head.
  virtual void on_response_head() = 0;
  virtual void on_response_body(std::string_view bytes, const BlockRef& holder) = 0;
  // Right before the end: lines of "Name: value" CRLF, checked. Only where there are any.
  virtual void on_response_trailers(std::string_view trailers) = 0;
  // `is_reusable`: nothing speaks against using the connection again.
  virtual void on_response_end(bool is_reusable) = 0;
  virtual void on_upstream_failed(const UpstreamFailure& failure) = 0;
  // False stops the reading; call resume_reading() when there is room again.
  virtual bool wants_response() const = 0;

 protected:
  ~UpstreamUser() = default;
};

struct UpstreamEnvironment {
  Turn& turn;
  TimerWheel& wheel;
  BlockPool& blocks;
};

// Which address of its server a connection goes to.
struct Route {
  Address address;
  size_t others = 0;        // to be tried in turn while there is no connection
  int64_t patience_ms = 0;  // for each of them but the last, which has what is left of timeouts.connect
  uint64_t fits_since = 0;  // the change of addresses (Pools) after which it was last found among the server's
};

// Belongs to its worker's thread. Owned by its user while in use, by the pool while idle.
class UpstreamConnection final : public ListLink<Pools>,
                                 public ListLink<ServerPoolTag>,
                                 public Stream::Handler,
                                 public Flushable,
                                 public Resumable,
                                 public Deadline::Owner,
                                 public Disposable {
 public:
  enum class State : uint8_t { connecting, in_use, idle, dead };

  UpstreamConnection(const UpstreamEnvironment& environment, Pools& pools, ServerId server, const MessageLimits& limits,
                     ServerSilence& silence, std::unique_ptr<Stream> stream, const Route& route);

  ServerId server() const { return server_; }
  State state() const { return state_; }
  const Route& route() const { return route_; }
  void note_that_it_fits(uint64_t address_change) { route_.fits_since = address_change; }
  bool is_reused() const { return uses_ > 1; }
  int64_t last_used_ms() const { return last_used_ms_; }
  // Nothing has come or ended on it while it was idle.
  bool looks_alive() const { return !stream_->is_closed() && !stream_->is_readable(); }

  // Starts an exchange: response heads go to `head`, their text to `arena`.
  void begin(UpstreamUser& user, Arena& arena, ResponseHead& head, const ResponseExpectation& expectation);
  // The user has something to send.
  void send_later() { environment_.turn.flush_later(*this); }
  void resume_reading();
  // Once the head of a 101 that was asked for has come: every byte behind it goes to on_response_body(), the end of the
  // stream to on_response_end().
  void become_tunnel() { is_tunnel_ = true; }
  // No more bytes from us, once all that was pulled has been sent; the server may go on sending.
  void finish_sending() { stream_->shutdown_write(); }
  // The user leaves it; no call reaches the user any more. Unsent output is dropped: only for a connection that is
  // pooled after a complete exchange, or about to be closed.
  void detach();
  // Ends the connection; `by_reset` throws away what the kernel still holds instead of delivering it.
  void close(bool by_reset);
  // Waits in the pool for at most this long.
  void wait_idle(int64_t idle_ms);

  void on_stream_ready() override;
  void flush() override;
  void resume() override;
  void on_deadline(Deadline& deadline) override;

 private:
  void move_to(State next);
  void try_next_address(int error);
  void read();
  void feed(std::string_view input);
  void on_stream_end(int error);
  void fail(UpstreamFailure::Kind kind, std::string_view what, int error = 0);

  const UpstreamEnvironment environment_;
  Pools& pools_;
  const ServerId server_;
  ServerSilence& silence_;
  Route route_;
  std::unique_ptr<Stream> stream_;
  UpstreamUser* user_ = nullptr;
  ResponseReader reader_;
  SliceQueue out_;
  BlockRef read_block_;
  Deadline deadline_;  // of an address that does not answer; of waiting in the pool
  int64_t last_used_ms_;
  uint32_t uses_ = 0;
  State state_ = State::connecting;
  bool has_sent_ = false;  // a byte of the present request
  bool write_broken_ = false;
  bool is_tunnel_ = false;
};

}  // namespace halfdoor
