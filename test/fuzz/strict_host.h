// The hosts of a simulated worker, played by the reference parser: what it refuses must never have reached them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fuzz/fuzz_target.h"
#include "fuzz/reference/message.h"
#include "simulation/simulated_worker.h"

namespace halfdoor::fuzz {

class StrictHosts {
 public:
  struct Request {
    Side side = Side::primary;
    reference::Message message;
    std::string marker;  // in a field of its answer, "X-Marker"
  };

  // `sequence` outlives it. Every server of the worker answers what is complete, in many shapes.
  StrictHosts(SimulatedWorker& worker, Sequence& sequence) : worker_(worker), sequence_(sequence) {
    play(worker.primary(0), Side::primary);
    play(worker.primary(1), Side::primary);
    play(worker.backup(), Side::backup);
  }
  StrictHosts(const StrictHosts&) = delete;
  StrictHosts& operator=(const StrictHosts&) = delete;

  // Complete requests, in order.
  const std::vector<Request>& requests() const { return requests_; }
  // What the tunnels brought to the hosts; it was sent back as it came.
  const std::string& tunnelled() const { return tunnelled_; }
  // Heads that a host has read so far, complete requests or not.
  const std::vector<Request>& heads() const { return heads_; }
  // What follows a request that was never completed has to be the end of its connection.
  void check_ends();

 private:
  void play(MemoryServer& server, Side side);
  void receive(MemoryPeer& peer, Side side);
  std::string answer(const Request& request);
  bool opens_tunnel(const Request& request, MemoryPeer& peer);

  SimulatedWorker& worker_;
  Sequence& sequence_;
  std::vector<Request> requests_;
  std::vector<Request> heads_;
  std::map<const MemoryPeer*, bool> is_within_request_;  // its head is in heads_ already
  std::map<const MemoryPeer*, bool> has_said_goodbye_;
  std::map<const MemoryPeer*, bool> is_tunnel_;
  std::string tunnelled_;
};

// Moves the clock on in steps that are coarser than SimulatedWorker::advance, until nothing is left to wait for.
void pass_time(SimulatedWorker& worker, int64_t most_ms);
// Nothing is left of any exchange, and the counters add up.
void check_nothing_is_left(SimulatedWorker& worker);

// Fields whose name a host takes for one that overrides the method, and the methods that they name; "" for none.
std::vector<std::string> override_methods(const reference::Message& request);
bool is_safe(std::string_view method);

}  // namespace halfdoor::fuzz
