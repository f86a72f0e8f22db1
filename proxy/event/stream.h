// Stream: one connected byte stream, as the data path sees it. Sockets implement it; so can anything that a test needs.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace halfdoor {

struct IoResult {
  enum class Status : uint8_t {
    ok,  // `bytes` were moved, at least one
    would_block,
    end,     // the peer has finished sending
    failed,  // `error` is an errno
  };
  Status status = Status::would_block;
  size_t bytes = 0;
  int error = 0;
};

// Belongs to one thread. Readiness is kept as flags that edges set and operations clear: after a result of would_block
// the handler is called again when that changes.
class Stream {
 public:
  class Handler {
   public:
    // A flag has been set. Do I/O on this stream only.
    virtual void on_stream_ready() = 0;

   protected:
    ~Handler() = default;
  };

  virtual ~Stream() = default;

  void set_handler(Handler* handler) { handler_ = handler; }
  bool is_readable() const { return readable_; }
  bool is_writable() const { return writable_; }
  // The peer has closed its half or the connection broke. What it had sent may still be read.
  bool is_closed() const { return closed_; }

  // A read that is shorter than asked for counts as drained. Yet a reset that comes together with data gives one edge
  // in which it does not show: whoever still waits for the end of a message looks again after such a read, and reads
  // would_block, or what happened.
  void look_again() { readable_ = true; }

  virtual IoResult read(char* into, size_t most) = 0;
  virtual IoResult write(const struct iovec* pieces, int count) = 0;
  // After the first readiness of a stream that was being connected: 0, or the errno of the failure.
  virtual int finish_connect() = 0;
  // Once something has failed: what an errno cannot say of it, a literal; else empty.
  virtual std::string_view failure() const { return {}; }
  // No more bytes from us; the peer reads an end.
  virtual void shutdown_write() = 0;
  // Makes destruction a reset: what is queued in the kernel is thrown away instead of delivered.
  virtual void reset_on_close() = 0;
  // Ends the connection before the stream is destroyed, so that its descriptor is free for others at once. Nothing may
  // be read or written any more.
  virtual void close_early() {}

 protected:
  Handler* handler_ = nullptr;
  bool readable_ = false;
  bool writable_ = false;
  bool closed_ = false;
};

}  // namespace halfdoor
