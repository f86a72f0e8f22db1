// Acceptor: takes connections off a listening socket, also when descriptors have run out.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/unique_fd.h"
#include "event/loop.h"
#include "event/timer_wheel.h"
#include "upstream/counters.h"

namespace halfdoor {

// Belongs to its worker's thread.
class Acceptor final : public Deadline::Owner {
 public:
  using Accepted = std::function<void(std::unique_ptr<Stream>, const Address& peer, std::string_view local)>;

  Acceptor(Loop& loop, UniqueFd socket, WorkerCounters& counters, Accepted accepted);

  // Takes what is in the queue of the kernel, then nothing more.
  void close();

 private:
  // So many in a row, so that a flood of connections does not keep those that are open waiting.
  static constexpr int kMostInARow = 64;
  // As many rows as the longest queue needs.
  static constexpr int kMostRowsAtClose = 128;
  static constexpr int64_t kBackOffMs = 100;

  // Whether there may be more.
  bool accept_some();
  void shed_one();
  void on_deadline(Deadline& deadline) override;

  Loop& loop_;
  UniqueFd socket_;
  UniqueFd spare_;  // given up for a moment to accept and close a connection when descriptors have run out
  WorkerCounters& counters_;
  Accepted accepted_;
  std::string local_;
  bool is_unix_ = false;
  Deadline back_off_;
  int64_t last_complaint_ms_ = 0;
  std::unique_ptr<ReadWatch> watch_;
};

}  // namespace halfdoor
