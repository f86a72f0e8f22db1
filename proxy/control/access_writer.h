// AccessWriter: the thread that writes the access log of all workers, so that no worker ever waits for a disk or a
// pipe.
#pragma once

#include <memory>
#include <string>

#include "base/text.h"
#include "exchange/access_log.h"
#include "failover/helper_thread.h"
#include "worker/access_line.h"

namespace halfdoor {

// Made, told to reopen and stopped by the control thread.
//
// While the log cannot be written (disk full, pipe not read) what is handed over is kept: 2 MiB per worker; then lines
// are dropped and counted. While there is no log at all (it could not be opened) all lines are. Either is said in the
// daemon's log: when it begins, at most once a second while lines are dropped, and with their number when it is over.
// What cannot be opened or written is tried again until it can.
class AccessWriter {
 public:
  // `path`: "stdout", or a file. The thread opens it: an error is said in the daemon's log.
  AccessWriter(const std::string& path, AccessFormat format, int workers);
  // As stop() with a patience of 1 s.
  ~AccessWriter();

  // The log of one worker, to be used on its thread; once per worker.
  std::unique_ptr<AccessLog> make_log(int worker);
  // Goes over to what stands at the path now. Nothing is lost: what was handed over before goes to either file.
  void reopen();
  // Writes what the workers have handed over, which must have ended, and ends the thread. False: it hangs in a disk and
  // was left behind.
  bool stop(Milliseconds patience);

  // Lines, since the start. Any thread.
  uint64_t written() const;
  uint64_t dropped() const;

 private:
  struct Shared;
  const AccessFormat format_;
  const std::shared_ptr<Shared> shared_;
  HelperThread thread_{"access log"};
};

}  // namespace halfdoor
