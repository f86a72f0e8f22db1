// SimulatedDisk: real files whose system calls fail, hang, or are the last before a kill -9. The executable defines
// these functions itself, so the code under test needs no hook.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "simulation/dice.h"

namespace halfdoor {

class SimulatedDisk {
 public:
  enum class Health : uint8_t { fine, full, failing, hanging };
  struct Hooks {
    // False: the process that makes the call is dead, or dies in it.
    std::function<bool()> is_alive_at_call;
    // Waits until hangs() says no or the process is dead; returns whether it is alive.
    std::function<bool()> wait;
  };
  enum class Call : uint8_t { write, sync, allocate, other };

  SimulatedDisk(Dice dice, Hooks hooks);
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  Health health = Health::fine;
  bool hangs() const { return health == Health::hanging && !is_waiting_; }
  // Whether everything written to this file has been synced.
  bool is_synced(const std::string& path) const;

  // What the functions do. The errno with which the call fails; 0: it is to be made. `allowed`: how many bytes of a
  // write still take effect although it fails.
  int before(Call call, int fd, size_t size, size_t& allowed);
  void after(Call call, int fd);

 private:
  Dice dice_;
  Hooks hooks_;
  bool is_waiting_ = false;   // one at a time
  std::set<uint64_t> dirty_;  // inodes
};

}  // namespace halfdoor
