// Exchange: one request and its response, from the judgement of the head to the last byte for the client.
//
//            ┌─────────── retry ─────────┐
//   reading ──> judging ──> attempting ──> relaying ──> done      (moved by move_to() alone)
//                ↑   │            ├──> tunnel ───────────┤
//                │   └────────────┴──> local ────────────┘
//                └──> inspecting ────────┘
//
// reading    the client connection reads the head into request()
// judging    filters and mode decide, a side and a server are chosen
// inspecting held until the whole body is there, by which read-only decides; nothing has been sent to anybody
// attempting an attempt is under way; not a byte of a final response has been handed on
// relaying   the final head of a server is there for the client
// tunnel     a server has answered a handshake by 101: the bodies are what flows both ways behind it
// local      the answer was made here
// done       nothing is left to do; the owner has been told
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/arena.h"
#include "base/intrusive_list.h"
#include "exchange/attempt.h"
#include "exchange/environment.h"
#include "exchange/exchange_client.h"
#include "exchange/read_only.h"
#include "exchange/server_watch.h"
#include "http/body_pipe.h"

namespace halfdoor {

class Exchanges;

// How an exchange that was where the mode would not have it came to its end there.
enum class DrainEnd : uint8_t { write_finished, write_uncertain, moved, other };

// What the client's connection knows; lives as long as that.
struct ClientInfo {
  const ListenConfig* listener = nullptr;
  std::string_view address;  // without port
  std::string_view local;    // "host:port" of our end
  bool is_trusted = false;   // may send X-Forwarded-* and X-Request-Id
};

class Exchange final : public ListLink<Exchanges>, public Attempt::Owner, public Deadline::Owner, public Disposable {
 public:
  enum class State : uint8_t { reading, judging, inspecting, attempting, relaying, tunnel, local, done };

  Exchange(ExchangeEnvironment& environment, Exchanges& exchanges);

  // Towards the client ------------------------------------------------------------------------------------------------
  // A fresh one: the head is read into these.
  Arena& arena() { return arena_; }
  RequestHead& request() { return request_; }
  // The first byte of a request has come.
  void begin(const ClientInfo& info);
  // The head is complete and valid: judges it and starts. The client may be called back at once.
  void start(ExchangeClient& client);
  // No valid request came: answers without a service. Also in the middle of a body: what was sent of it is cut.
  void refuse(ExchangeClient& client, int status, std::string_view why);

  BodyPipe& request_body() override { return request_pipe_; }
  // The client has pushed, finished or aborted the body.
  void on_request_body() {
    if (state_ == State::inspecting) return judge_if_complete();
    attempt_.on_request_body();
  }
  // Before its end. Empty, or what is wrong with them.
  [[nodiscard]] std::string_view take_request_trailers(std::string_view trailers);
  // Nobody wants more of the request body: what comes is to be thrown away.
  bool discards_request_body() const {
    return state_ != State::inspecting && (state_ == State::local || state_ == State::done || !attempt_.is_active());
  }
  // How much of it, before the connection is closed instead.
  uint64_t discard_limit() const { return discard_limit_; }

  // The final response, once on_response_ready() was called; its end is that of response_body().
  bool has_response() const { return state_ == State::relaying || state_ == State::local || state_ == State::tunnel; }
  // The response is a 101. What the client sends behind its request goes into request_body(), its end too; the end of
  // response_body() is the end of that direction only while has_tunnel(), its abort is a reset.
  bool is_tunnel() const { return state_ == State::tunnel; }
  bool has_tunnel() const { return state_ == State::tunnel && attempt_.is_active(); }
  const ResponseHead& response() const { return response_; }
  bool closes_client() const { return closes_client_; }
  BodyPipe& response_body() { return response_pipe_; }
  // To be sent behind the last chunk; there once the body has ended.
  std::string_view response_trailers() const { return response_trailers_; }
  // The head has been serialised: from now on the response is bound to this attempt.
  void on_head_pulled();
  // Bytes of the body have been pulled: the server may send more.
  void on_body_pulled(size_t bytes);
  bool sent_continue() const { return sent_continue_; }
  // Bytes of the client's connection that belong to this exchange were read, or written.
  void on_wire_in(size_t bytes) { notes_.wire_in += bytes; }
  void on_wire_out(size_t bytes) { notes_.wire_out += bytes; }
  // The client needs it no longer: it was given the whole response, or (`why`) it has gone and `unsent` bytes of what
  // was pulled with it. Destroys it at the end of the turn, or when the outcome of its write is known.
  void leave(std::string_view why, size_t unsent = 0);
  // For the access log: whose doing the end is that comes now. The first word counts. `why` is a literal.
  void note_end(EndedBy by, std::string_view why);

  // Towards the worker ------------------------------------------------------------------------------------------------
  // The worker has made another snapshot current. Returns whether this exchange now is where the mode would not have
  // it.
  bool on_mode_changed();
  // The snapshot it holds must go: ends it unless its response is on its way.
  void let_go_of_generation();
  // It waits for this server, or may do so, and nobody hears anything of that one.
  void on_server_silent(ServerWatch& server);
  // Ends what is in flight, at the end of a drain.
  void cut(std::string_view why, EndedBy by);
  // A graceful stop: a tunnel has this long, and ends as soon as it is quiet.
  void begin_stop(int64_t drain_ms);

  State state() const { return state_; }
  std::string_view state_text() const;
  const Generation* generation() const { return generation_; }
  uint16_t service() const { return service_; }
  bool has_service() const { return has_service_; }
  // Stands in the ledger, and is uncertain when its outcome stays unknown: what may not be re-sent, but for handshakes.
  bool is_write() const { return is_write_; }
  const Attempt& attempt() const { return attempt_; }
  uint64_t epoch() const { return epoch_; }
  std::string_view request_id() const { return request_id_; }
  std::string_view client_address() const { return context_.client_address; }
  int64_t started_ms() const { return started_ms_; }
  uint64_t bytes_out() const { return bytes_out_; }
  uint64_t bytes_in() const { return request_pipe_.total_pushed(); }
  const RequestHead& original() const { return request_; }
  // For reuse: as new. The memory is kept.
  void recycle();

  // Attempt::Owner
  const RequestHead& make_request(ServerId server) override;
  WriteIdentity write_identity(ServerId server) const override;
  void on_request_pulled() override;
  void on_interim_head() override;
  void on_final_head() override;
  std::string_view find_upgrade_flaw() const override;
  void on_tunnel() override;
  std::string_view request_trailers() const override { return request_trailers_; }
  void on_trailers(std::string_view trailers) override;
  void on_body(std::string_view bytes, const BlockRef& holder) override;
  void on_end() override;
  bool wants_body() const override { return client_ == nullptr || !response_pipe_.is_full(); }
  void on_attempt_failed(const AttemptFailure& failure) override;
  void on_ledger_full() override;
  // Deadline::Owner: the drain of a switch
  void on_deadline(Deadline& deadline) override;

 private:
  void move_to(State next);
  bool choose_service();
  void hold_generation();
  void drop_generation();
  // What the client is told names the mode of now, not the one by which its request was judged before a switch.
  void speak_for_current_mode();
  void make_request_id();
  void judge();
  void judge_again();
  bool must_inspect() const;
  void inspect();
  void judge_if_complete();
  void try_next();
  // Of those not tried yet; null: none is left. `is_last_resort`: also one that is down as far as anybody knows.
  ServerWatch* pick_server(Side side, bool is_last_resort);
  ServerWatch* pick_next();
  bool may_change_side() const;
  bool has_other_server() const;
  // Whether a failure speaks against the server.
  bool blames_server(const AttemptFailure& failure) const;
  // The attempt is over without an answer, and another one is allowed.
  void try_another();
  void count_if_slow();
  ServiceCounters& service_counters() { return *environment_.counters.services[service_]; }
  void fail_without_server();
  void answer(LocalReply reply);
  void answer_plain(int status, std::string_view what);
  DrainEnd drain_end(bool is_uncertain) const;
  void finish_drain(DrainEnd end, bool was_cut = false);
  bool is_where_mode_allows() const;
  // Moved, finished or cut by then.
  void end_within(int64_t drain_ms);
  // Returns whether it was answered for being ill-formed.
  bool refuse_bad_handshake();
  // Whether the client takes trailers, and so may send them on (RFC 9110 6.5.1, 10.1.4).
  bool forwards_trailers() const { return request_.accepts_trailers && request_.minor_version > 0; }
  void announce_trailers();
  void clean_response_fields();
  // While the attempt may still be moved elsewhere.
  bool may_move() const { return is_resendable_ && !head_pulled_; }
  void note_leave(std::string_view why);
  void note_tunnel_end();
  Outcome outcome() const;
  void write_log() const;

  // What nobody but the access log wants to know. Times by the wheel's clock, -1: never.
  struct Notes {
    int64_t began_unix_ms = 0;  // 0: not a byte of a request has come
    int64_t sent_ms = -1;       // the head was given to the connection of the last attempt
    int64_t first_byte_ms = -1;
    uint64_t wire_in = 0;
    uint64_t wire_out = 0;
    uint64_t unsent = 0;  // pulled, but never written
    uint32_t attempts = 0;
    int server_status = 0;
    Mode mode = Mode::primary;
    Outcome local = Outcome::local;
    bool is_delivered = false;
    bool has_server = false;  // since it was judged last
    std::optional<EndedBy> ended_by;
    std::string_view why;

    // Judged anew, it is as if no server had been asked, but for their number.
    void forget_attempt() {
      sent_ms = first_byte_ms = -1;
      server_status = 0;
      has_server = false;
    }
    void begin_attempt() {
      forget_attempt();
      has_server = true;
      ++attempts;
    }
  };

  ExchangeEnvironment& environment_;
  Exchanges& exchanges_;
  ExchangeClient* client_ = nullptr;
  Generation* generation_ = nullptr;
  Arena arena_;
  RequestHead request_;
  RequestHead outgoing_;
  ResponseHead response_;
  BodyPipe request_pipe_;
  BodyPipe response_pipe_;
  Attempt attempt_;
  Deadline switch_deadline_;
  RequestContext context_;
  ReadOnlyDecision decision_;
  std::unique_ptr<BodyFindings> findings_;  // of a body that was inspected
  std::string_view request_id_;
  std::string_view request_trailers_;
  std::string_view response_trailers_;
  Notes notes_;
  std::array<uint64_t, 2> tried_servers_{};  // by side, a bit per server
  uint64_t epoch_ = 0;
  uint64_t discard_limit_ = 0;
  uint64_t bytes_out_ = 0;
  int64_t started_ms_ = 0;
  int64_t drain_ends_ms_ = 0;
  uint16_t service_ = 0;
  State state_ = State::reading;
  bool has_service_ = false;
  bool is_resendable_ = false;
  bool is_write_ = true;
  bool is_fallback_ = false;
  bool must_connect_anew_ = false;
  bool timed_out_ = false;
  bool has_waited_ = false;   // in vain for a server that was silent
  bool lacks_means_ = false;  // no connection could be begun, for want of something here
  bool head_pulled_ = false;
  bool closes_client_ = false;
  bool sent_continue_ = false;
  bool is_orphan_ = false;    // counted by Exchanges as without a client
  bool is_draining_ = false;  // counted by Exchanges as not yet fenced
  bool is_stopping_ = false;  // a tunnel in a graceful stop
};

}  // namespace halfdoor
