// TlsStream: TLS over another stream, as a Stream. Its flags keep the contract of Stream although OpenSSL stands
// between: readable as long as there may be something to decrypt, also what OpenSSL has read ahead.
//
//   connecting ──> handshaking ──> open ──> broken
//        └──────────────┴────────────────────┘          (moved by move_to() alone)
//
// A write becomes one record. One that found no room may have left in part: a peer can read no byte of a record that is
// not complete, so nothing of what was written counts as sent until it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "event/stream.h"
#include "event/timer_wheel.h"
#include "event/tls_wire.h"

struct ssl_st;

namespace halfdoor {

// What the TLS streams of one thread share. Outlives them.
class TlsEnvironment {
 public:
  // The most that one record holds.
  static constexpr size_t kRecordBytes = 16 << 10;

  explicit TlsEnvironment(TimerWheel& wheel) : wheel_(wheel), scratch_(new char[kRecordBytes]) {}

  TimerWheel& wheel() { return wheel_; }
  // For gathering one record; used within one call.
  char* scratch() { return scratch_.get(); }

 private:
  TimerWheel& wheel_;
  std::unique_ptr<char[]> scratch_;
};

class TlsStream final : public Stream, private Stream::Handler, private Deadline::Owner {
 public:
  enum class State : uint8_t { connecting, handshaking, open, broken };
  enum class Role : uint8_t { server, client };

  // Takes over both. As a client it begins the handshake by itself once `inner` is connected, and calls its handler
  // when that is done or has failed, like a stream that is being connected. As a server it calls its handler whenever
  // handshake() may get further; until that is done nothing else may be called.
  TlsStream(TlsEnvironment& environment, Role role, std::unique_ptr<Stream> inner, ssl_st* ssl);
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  State state() const { return state_; }
  // Goes as far as it can with what has come: `open`, `broken`, or `handshaking`.
  State handshake();
  // It failed because the client speaks plain HTTP.
  bool got_plain_http() const { return got_plain_http_; }
  // Of an open one: what ALPN agreed on, empty if nothing.
  std::string_view protocol() const;
  // The stream underneath, for a word in the clear after a failed handshake. The TLS stream is of no further use.
  std::unique_ptr<Stream> take_inner();

  IoResult read(char* into, size_t most) override;
  IoResult write(const struct iovec* pieces, int count) override;
  int finish_connect() override;
  // Sends close_notify first.
  void shutdown_write() override;
  void reset_on_close() override;
  // Tells the peer by close_notify that this is the end, unless it is to be a reset.
  void close_early() override;
  std::string_view failure() const override { return failure_; }

 private:
  void on_stream_ready() override;
  void on_deadline(Deadline& deadline) override;

  static void on_message(int is_sent, int, int type, const void*, size_t, ssl_st* ssl, void*);
  void count_message();
  void move_to(State next);
  void begin_open();
  void break_off(int error, std::string_view failure);
  void note_library_error();
  IoResult after_read(int result);
  IoResult after_write(int result);
  void send_close_notify();

  TlsEnvironment& environment_;
  std::unique_ptr<Stream> inner_;
  TlsWire wire_;
  ssl_st* ssl_;
  Deadline idle_;  // when the buffers of OpenSSL are given back
  std::string_view failure_;
  int error_ = 0;
  uint32_t messages_ = 0;  // of the handshake kind, since counted_from_ms_, on an open connection
  int64_t counted_from_ms_ = 0;
  const Role role_;
  State state_ = State::connecting;
  bool has_ended_ = false;  // the peer's close_notify has been read
  bool read_waits_for_write_ = false;
  bool write_waits_for_read_ = false;
  bool wants_close_notify_ = false;
  bool resets_ = false;
  bool got_plain_http_ = false;
};

}  // namespace halfdoor
