// AccessLog: is told of every exchange when it has ended. Implemented in worker/, which makes lines of it for a thread
// that writes them.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/mode.h"
#include "http/head.h"

namespace halfdoor {

// What became of an exchange.
enum class Outcome : uint8_t {
  relayed,      // a server's response was given to the client in full
  local,        // another answer of halfdoor's own
  refused,      // the notice: read-only, or closed
  bad_request,  // not a request, over a limit, too slow, or for a host name that no service has
  unreachable,  // no server answered; nothing was done by one, or it is safe to ask again
  uncertain,    // a write whose outcome nobody knows: it is on the list
  cut,          // ended before the client had the whole response, not by the client
  left,         // the client went before it had the whole response
};
std::string_view to_text(Outcome outcome);

// Whose doing the end of an exchange was.
enum class EndedBy : uint8_t { server, halfdoor, client, mode_switch, stop, timeout };
std::string_view to_text(EndedBy by);

// Views live until AccessLog::write() returns.
struct AccessRecord {
  int64_t began_unix_ms = 0;             // the first byte of the request was read
  std::string_view client;               // address without port
  const RequestHead* request = nullptr;  // null: no valid head came
  std::string_view request_id;           // empty: without a valid head there is none
  // By which the exchange, or its last attempt, was judged.
  std::string_view service;  // empty: none was found
  Mode mode = Mode::primary;
  uint64_t epoch = 0;
  // Of the last attempt since then.
  std::string_view server;  // empty: there was none
  Side side = Side::primary;
  bool is_fallback = false;
  uint32_t attempts = 0;  // all, also those of before it was judged anew
  int server_status = 0;  // 0: no final status line was received
  int status = 0;         // of what the client was given; 0: it was given nothing
  uint64_t bytes_in = 0;  // of bodies
  uint64_t bytes_out = 0;
  uint64_t wire_in = 0;  // of everything on the client's connection that belongs to this exchange
  uint64_t wire_out = 0;
  int64_t duration_ms = 0;
  int64_t wait_ms = -1;        // until the request was sent to the server of the last attempt; -1: it was not
  int64_t first_byte_ms = -1;  // until the final status line of a server; -1: there was none
  Outcome outcome = Outcome::local;
  EndedBy ended_by = EndedBy::halfdoor;
  std::string_view why;  // empty: nothing out of the ordinary
};

// One per worker, used on its thread only. Costs no system call, no allocation and no waiting: what cannot be taken is
// dropped and counted.
class AccessLog {
 public:
  virtual ~AccessLog() = default;
  virtual void write(const AccessRecord& record) = 0;
  // At the end of every turn of the loop.
  virtual void end_turn(int64_t now_ms) = 0;
};

}  // namespace halfdoor
