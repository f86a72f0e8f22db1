// Attempt: one try to have an exchange answered by a server.
//
//   idle ──> connecting ──> sending ──> awaiting ──> receiving ──> idle      (moved by move_to() alone)
//                │             │            ├──> tunnelling ──> idle
//                └─────────────┴────────────┴──> idle, with a failure (from the last two as well)
//
// tunnelling: the server has answered a handshake by 101, and bytes go both ways until both sides have finished
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "event/timer_wheel.h"
#include "exchange/environment.h"
#include "exchange/server_watch.h"
#include "http/body_pipe.h"
#include "http/head.h"
#include "upstream/connection.h"

namespace halfdoor {

struct AttemptFailure {
  UpstreamFailure::Kind kind = UpstreamFailure::Kind::closed;
  std::string_view what;  // a literal
  int error = 0;          // errno, 0: none
  bool is_timeout = false;
  bool nothing_sent = true;     // not a byte was taken by the connection
  bool has_final_head = false;  // a final status line was received
  bool was_reused = false;      // on a pooled connection, before any byte of a response
};

// Belongs to one exchange, which uses it for one attempt after the other.
class Attempt final : public UpstreamUser, public Deadline::Owner {
 public:
  enum class State : uint8_t { idle, connecting, sending, awaiting, receiving, tunnelling };

  class Owner {
   public:
    // The head to send, made anew for each attempt: hop-by-hop fields removed, filters applied.
    virtual const RequestHead& make_request(ServerId server) = 0;
    virtual WriteIdentity write_identity(ServerId server) const = 0;
    virtual BodyPipe& request_body() = 0;
    virtual void on_request_pulled() = 0;
    virtual void on_interim_head() = 0;
    virtual void on_final_head() = 0;
    // The response storage holds a 101. A literal that says why it is none that was asked for; empty: it is.
    virtual std::string_view find_upgrade_flaw() const = 0;
    // Tunnelling from now on; request_body() was emptied of what led here and takes what the client sends.
    virtual void on_tunnel() = 0;
    // Of the request, once request_body() has ended; as UpstreamUser::on_response_trailers() has them.
    virtual std::string_view request_trailers() const = 0;
    virtual void on_trailers(std::string_view trailers) = 0;
    virtual void on_body(std::string_view bytes, const BlockRef& holder) = 0;
    // Nothing more comes from the server. The attempt is over, unless it is a tunnel whose other direction is open.
    virtual void on_end() = 0;
    virtual bool wants_body() const = 0;
    // The attempt is over and its connection is gone; another may be started from in here.
    virtual void on_attempt_failed(const AttemptFailure& failure) = 0;
    // There is no slot in the ledger for this write: it must not be sent. The attempt is over.
    virtual void on_ledger_full() = 0;

   protected:
    ~Owner() = default;
  };

  Attempt(ExchangeEnvironment& environment, Owner& owner)
      : environment_(environment),
        owner_(owner),
        unsent_body_(environment.blocks),
        deadline_(environment.wheel, *this) {}

  struct Terms {
    bool may_be_resent = false;   // any idle connection will do; cut by a plain close
    bool is_write = true;         // stands in the ledger
    bool new_connection = false;  // never a pooled one
    ResponseExpectation expectation;
  };
  // False: no connection could even be begun; error() is an errno.
  [[nodiscard]] bool start(ServerWatch& server, const Terms& terms, Arena& arena, ResponseHead& response);
  int error() const { return error_; }

  // More of the request body is there, or it has ended.
  void on_request_body() {
    if (connection_ != nullptr) connection_->send_later();
  }
  // The response body has room again.
  void resume_reading() {
    if (connection_ != nullptr) connection_->resume_reading();
  }
  // Ends the attempt from our side. What was sent of a request that may not be re-sent and has no final status is cut
  // by a reset and listed as uncertain for `why`. Returns whether that was so.
  bool abandon(std::string_view why);
  // The same for a server that is silent, of a request that may be sent to another one.
  void give_up();

  State state() const { return state_; }
  bool is_active() const { return state_ != State::idle; }
  bool nothing_sent() const { return bytes_sent_ == 0; }
  bool has_final_head() const { return state_ == State::receiving || state_ == State::tunnelling; }
  // Milliseconds since a byte went through the tunnel, either way.
  int64_t tunnel_silence_ms() const;
  bool is_request_complete() const { return request_complete_; }
  uint64_t bytes_sent() const { return bytes_sent_; }
  // It ended as a write of which something may have left and whose outcome nobody knows.
  bool became_uncertain() const { return became_uncertain_; }
  ServerId server() const { return watch_->id(); }
  ServerWatch& watch() { return *watch_; }

  void pull_request(SliceQueue& out) override;
  void on_request_sent(size_t bytes) override;
  void on_response_head() override;
  void on_response_body(std::string_view bytes, const BlockRef& holder) override;
  void on_response_trailers(std::string_view trailers) override { owner_.on_trailers(trailers); }
  void on_response_end(bool is_reusable) override;
  void on_upstream_failed(const UpstreamFailure& failure) override;
  bool wants_response() const override { return owner_.wants_body(); }
  void on_deadline(Deadline& deadline) override;

 private:
  void move_to(State next);
  void pull_head(SliceQueue& out);
  void pull_body(SliceQueue& out);
  void note_if_complete();
  void begin_tunnel();
  // Of a tunnel: everything that the client sent has gone to the server, and no more comes.
  void on_client_finished();
  // Whether anything may still go to the side of this server: else its connection is not kept.
  bool is_side_in_use() const;
  // Closes the connection and ends the attempt.
  void drop(bool by_reset);
  // Ends the attempt; the connection is gone already.
  void leave();
  // Ledger: the outcome is known, or will never be.
  void settle();
  void settle_uncertain(std::string_view why);
  void restore_unsent();
  void fail(AttemptFailure failure);
  // The server owes something: the connection, then the answer to all that it was sent.
  void set_owing(bool owes) {
    if (owes_ == owes) return;
    owes_ = owes;
    owes ? watch_->begin_owing() : watch_->end_owing();
  }
  ServerCounters& counters() { return watch_->counters(); }
  ServiceCounters& service_counters() { return *environment_.counters.services[server().service]; }

  ExchangeEnvironment& environment_;
  Owner& owner_;
  std::unique_ptr<UpstreamConnection> connection_;
  std::optional<WriteLedger::Ticket> ticket_;
  ResponseHead* response_ = nullptr;
  SliceQueue unsent_body_;  // body bytes pulled before the first byte was taken
  Deadline deadline_;
  uint64_t bytes_sent_ = 0;
  uint64_t interim_bytes_ = 0;
  uint32_t interim_count_ = 0;
  int64_t longest_silence_ms_ = 0;  // of a response that has begun, or of a tunnel
  int error_ = 0;
  ServerWatch* watch_ = nullptr;  // of the server of this or the last attempt
  Terms terms_;
  BodyFraming framing_ = BodyFraming::none;
  State state_ = State::idle;
  bool owes_ = false;
  bool head_pulled_ = false;
  bool request_complete_ = false;  // everything has been pulled, and all of it was taken
  bool all_pulled_ = false;
  bool became_uncertain_ = false;
  bool server_finished_ = false;  // of a tunnel: nothing more comes from the server
  uint64_t pulled_bytes_ = 0;
};

}  // namespace halfdoor
