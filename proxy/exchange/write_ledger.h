// WriteLedger: where the identity of a write stands from before its first byte until its final status line, so that a
// write whose outcome nobody knows is listed even when the process was killed. Implemented in failover/ over a mapped
// file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/mode.h"

namespace halfdoor {

struct WriteIdentity {
  int64_t wall_ms = 0;  // Unix time
  std::string_view request_id;
  std::string_view service;
  uint64_t epoch = 0;
  std::string_view method;
  std::string_view path;  // the target as sent; the ledger may cut long ones
  std::string_view client;
  Side side = Side::primary;
  std::string_view server;
};

// One per worker, used on its thread only. Costs no system call.
class WriteLedger {
 public:
  using Ticket = uint32_t;

  virtual ~WriteLedger() = default;
  // Before the first byte is sent. Null: every slot is taken; the write must be refused.
  virtual std::optional<Ticket> begin(const WriteIdentity& identity) = 0;
  // Its final status line is known, or not a byte of it has left.
  virtual void clear(Ticket ticket) = 0;
  // At least a byte may have left and no final status line was received. The slot is freed once it has been written to
  // the list of uncertain writes.
  virtual void mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why) = 0;
};

}  // namespace halfdoor
