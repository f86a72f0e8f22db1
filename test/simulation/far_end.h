// FarEnd: the other end of a connection of the proxy, in simulated time: what is sent arrives after a while, in pieces;
// what arrives is read after a while, or not at all.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "simulation/memory_stream.h"
#include "simulation/schedule.h"

namespace halfdoor {

class FarEnd;

struct Pace {
  Micros latency = 100;            // from what the proxy does until it shows here
  Micros step = 200;               // between two pieces
  size_t send_at_most = SIZE_MAX;  // bytes of a piece
  size_t read_at_most = SIZE_MAX;
  uint64_t dribble_until = 0;  // up to this offset of the stream a byte at a time
};

// The proxy's process that holds the near end.
class NearEnd {
 public:
  // Something has changed on the connection: the process has to look at it.
  virtual void wake(FarEnd& far) = 0;
  // As ConnectionWatcher.
  virtual bool is_alive_at_call() = 0;

 protected:
  ~NearEnd() = default;
};

// Stays where it is until the simulation ends.
class FarEnd final : public ConnectionWatcher {
 public:
  class Owner {
   public:
    virtual void on_connected() {}
    virtual void on_bytes(std::string_view bytes) = 0;
    // Null: an end; else the connection was reset. Once, and last.
    virtual void on_over(bool by_reset) = 0;
    virtual void on_proxy_about_to_write() {}
    virtual void on_proxy_wrote(size_t) {}
    // More bytes of ours have entered the kernel.
    virtual void on_entered() {}

   protected:
    ~Owner() = default;
  };

  FarEnd(Schedule& schedule, Owner& owner, const Pace& pace);
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  // Whose near end it is. Once.
  void attach(NearEnd& near) { near_ = &near; }
  MemoryConnection& connection() { return *connection_; }
  std::unique_ptr<Stream> make_stream() { return std::make_unique<MemoryStream>(connection_); }
  Pace& pace() { return pace_; }

  // The connection comes about, or is refused.
  void establish();
  void refuse();

  void send(std::string_view bytes);
  // An end behind what was sent.
  void finish();
  // The same, and nothing is read any more: what still comes is answered by a reset.
  void close();
  void reset();
  void stop_reading() { reads_ = false; }
  void read_on();
  // Whoever owns it does not run; its kernel still takes what fits.
  void freeze() { is_frozen_ = true; }
  void thaw();

  bool is_over() const { return is_over_; }  // nothing more comes
  bool is_finishing() const { return is_finishing_; }
  bool has_reset() const { return connection_->peer_reset; }
  bool is_established() const { return !connection_->is_connecting; }
  // The proxy holds its end open.
  bool is_held() const { return connection_->stream != nullptr && !connection_->is_severed; }
  size_t unsent() const { return outbox_.size() - sent_; }
  // Bytes that have entered the kernel since the beginning, and that the proxy has written.
  uint64_t bytes_entered() const { return bytes_entered_; }
  uint64_t bytes_read() const { return bytes_read_; }

  bool is_alive_at_call() override { return near_ == nullptr || near_->is_alive_at_call(); }
  void on_about_to_write() override { owner_.on_proxy_about_to_write(); }
  void on_written(size_t bytes) override { owner_.on_proxy_wrote(bytes); }
  void on_proxy_acted() override;

 private:
  void step_later(Micros delay);
  void step();
  bool push();
  void take();
  void end_if_over();
  void wake();

  Schedule& schedule_;
  Owner& owner_;
  Pace pace_;
  std::shared_ptr<MemoryConnection> connection_;
  NearEnd* near_ = nullptr;
  std::string outbox_;
  size_t sent_ = 0;  // of outbox_
  uint64_t bytes_entered_ = 0;
  uint64_t bytes_read_ = 0;
  Micros step_at_ = kNeverUs;
  bool reads_ = true;
  bool is_frozen_ = false;
  bool is_finishing_ = false;
  bool is_closed_ = false;
  bool is_over_ = false;
};

}  // namespace halfdoor
