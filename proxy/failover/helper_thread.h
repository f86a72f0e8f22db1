// HelperThread: a thread that does what may block (writing and syncing files), in order, and that can be left behind
// when it hangs.
#pragma once

#include "failover/helper.h"

namespace halfdoor {

class HelperThread final : public Helper {
 public:
  // `name` as shown by ps, at most 15 bytes. The thread blocks every signal.
  explicit HelperThread(const std::string& name);
  // As stop() with a patience of 1 s.
  ~HelperThread() override;
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  void post(std::function<void()> job) override;
  // Ends the thread, or detaches it.
  bool stop(Milliseconds patience) override;
  std::optional<Milliseconds> busy_for() const override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace halfdoor
