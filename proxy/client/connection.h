// ClientConnection: a client's HTTP/1.1 connection: reads requests one at a time, writes their responses in order.
//
//   idle ──> reading_head ──> exchanging ──> idle
//     │            │              ├──> tunnel ─┐
//     └────────────┴──────────────┴────────────┴──> lingering ──> closed      (moved by move_to() alone)
//
// tunnel:    a 101 was written: what the client sends is no HTTP any more
// lingering: our half is shut, what the client still sends is read and thrown away so that it gets to read the response
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/slice_queue.h"
#include "client/client_counts.h"
#include "event/stream.h"
#include "event/timer_wheel.h"
#include "event/turn.h"
#include "exchange/exchange.h"
#include "exchange/exchanges.h"
#include "http/server_codec.h"

namespace halfdoor {

class ClientConnections;
struct IdleConnectionTag;
struct StalledConnectionTag;

struct ClientEnvironment {
  ExchangeEnvironment& exchange;
  Exchanges& exchanges;
  ClientConnections& connections;
};

// Belongs to its worker's thread; owned by ClientConnections.
class ClientConnection final : public ListLink<ClientConnections>,
                               public ListLink<IdleConnectionTag>,
                               public ListLink<StalledConnectionTag>,
                               public Stream::Handler,
                               public Flushable,
                               public Resumable,
                               public Deadline::Owner,
                               public ExchangeClient,
                               public Disposable {
 public:
  enum class State : uint8_t { idle, reading_head, exchanging, tunnel, lingering, closed };

  ClientConnection(const ClientEnvironment& environment, const MessageLimits& limits, std::unique_ptr<Stream> stream,
                   const ListenConfig& listener, const Address& peer, std::string_view local);
  ~ClientConnection();

  State state() const { return state_; }
  // Since when no request has begun on it; only while idle.
  int64_t idle_since_ms() const { return idle_since_ms_; }
  // It counts for its address as long as it lives.
  void take_place(ClientCounts::Place place) { place_.emplace(std::move(place)); }
  // Answers 503 and closes: there is no room for it.
  void refuse_for_lack_of_room();
  // Closes at once; by a reset what the kernel still holds is thrown away.
  void close(bool by_reset);
  // The same because halfdoor stops: by a reset where a response is owed.
  void cut();
  // Closes it if it is idle and stays so: a request that the kernel has received already is answered first.
  void end_idle();
  bool was_refused() const { return was_refused_; }
  // Something of a response has not been written yet.
  bool owes_response() const {
    return (state_ == State::exchanging && !(response_done_ && out_.empty())) ||
           (state_ == State::tunnel && !out_.empty());
  }

  void on_stream_ready() override;
  void flush() override;
  void resume() override;
  void on_deadline(Deadline& deadline) override;
  void on_interim_response(const ResponseHead& head) override;
  void on_response_ready() override;
  void on_request_room() override;

 private:
  void move_to(State next);
  bool may_read() const;
  void read();
  void process();
  ReadEvent read_message();
  bool process_head();
  bool process_body();
  void take_body(std::string_view piece);
  void on_stream_end();
  void refuse(int status, std::string_view why);
  void pull_response();
  bool pull_body();
  bool wants_close() const;
  // The memory of a head that comes in pieces counts against the budget.
  void note_head_bytes();
  bool write_out();
  void on_response_written();
  bool is_rest_worth_reading() const;
  void begin_tunnel();
  void take_tunnel_bytes();
  void finish_tunnel_input();
  void flush_tunnel();
  void next_request();
  void begin_idle();
  void begin_discard();
  void begin_close();
  void check_body_progress();
  Milliseconds body_window() const;

  const ClientEnvironment environment_;
  const MessageLimits& limits_;
  std::unique_ptr<Stream> stream_;
  const std::string address_text_;
  std::optional<ClientCounts::Place> place_;
  ClientInfo info_;
  RequestReader reader_;
  Exchange* exchange_ = nullptr;  // from the first byte of a head until its response is written
  SliceQueue out_;
  BlockRef read_block_;
  std::string_view input_;  // read but not yet taken, within read_block_
  Deadline read_deadline_;
  Deadline write_deadline_;
  ResponseFraming framing_;
  uint64_t requests_ = 0;
  uint64_t thrown_away_ = 0;   // bytes of a body nobody wants, or of a lingering close
  uint64_t window_bytes_ = 0;  // of the request body, since window_start_ms_
  int64_t window_start_ms_ = 0;
  int64_t last_body_ms_ = 0;
  int64_t idle_since_ms_ = 0;
  size_t head_bytes_ = 0;  // held by an incomplete head
  State state_ = State::idle;
  bool request_done_ = true;     // the present request has been read to its end
  bool reading_broken_ = false;  // nothing more may be read as a request
  bool head_written_ = false;
  bool response_done_ = false;  // everything has been pulled
  bool is_discarding_ = false;
  bool was_stopped_ = false;  // since window_start_ms_ there was no room for more of the request body
  bool was_refused_ = false;  // for lack of room
};

}  // namespace halfdoor
