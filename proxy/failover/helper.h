// Helper: does what may block (writing and syncing files), in order, and not while the caller waits. HelperThread is
// one; a simulation has its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/text.h"

namespace halfdoor {

class Helper {
 public:
  virtual ~Helper() = default;
  // Any thread. A job must own what it uses (shared_ptr): it may outlive the helper. Dropped after stop().
  virtual void post(std::function<void()> job) = 0;
  // Runs what is queued, then nothing more. If that takes longer, jobs not begun are dropped, the one that hangs is
  // left behind and false is returned. The caller's thread only.
  virtual bool stop(Milliseconds patience) = 0;
  // For how long the present job has been running; null: idle. Any thread.
  virtual std::optional<Milliseconds> busy_for() const = 0;
};

// `name` is for people.
using MakeHelper = std::function<std::unique_ptr<Helper>(const std::string& name)>;

}  // namespace halfdoor
