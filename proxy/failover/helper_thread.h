// HelperThread: a thread that does what may block (writing and syncing files), in order, and that can be left behind
// when it hangs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/text.h"

namespace halfdoor {

class HelperThread {
 public:
  // `name` as shown by ps, at most 15 bytes. The thread blocks every signal.
  explicit HelperThread(const std::string& name);
  // As stop() with a patience of 1 s.
  ~HelperThread();
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  // Any thread. A job must own what it uses (shared_ptr): it may outlive this object. Dropped after stop().
  void post(std::function<void()> job);
  // Runs what is queued and ends the thread. If that takes longer, jobs not begun are dropped, the thread is detached
  // and false is returned. The caller's thread only.
  bool stop(Milliseconds patience);
  // For how long the present job has been running; null: idle. Any thread.
  std::optional<Milliseconds> busy_for() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace halfdoor
