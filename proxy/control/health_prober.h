// HealthProber: makes one check and says how it went; HealthChecks decides when, and what follows from it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/text.h"
#include "config/config.h"

namespace halfdoor {

struct ProbeTarget {
  std::optional<Address> address;  // where the check goes; null: the name has none now
  std::string host;                // for the Host field
  const HealthConfig* rules = nullptr;
};

struct ProbeResult {
  enum class Verdict : uint8_t {
    passed,
    failed,
    no_address,  // of the name of the server, now: failed, unless it is still being looked up for the first time
    not_made,    // by a fault of this process or its system: says nothing about the server
    slept,       // it failed, but long after its time: this process was stopped, or could not follow
  };
  Verdict verdict = Verdict::failed;
  std::string text;  // "200", "503", "connection refused"; for people
};

// Control thread.
class HealthProber {
 public:
  virtual ~HealthProber() = default;
  // Ends within the timeout of the rules; `done` comes exactly once, later, never from within this call, and may begin
  // further checks. None comes after the prober's end.
  virtual void begin(const ProbeTarget& target, std::function<void(const ProbeResult&)> done) = 0;
};

}  // namespace halfdoor
