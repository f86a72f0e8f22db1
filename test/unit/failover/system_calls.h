// The system calls by which files change, watched: counted, made to fail, or the last one before a kill -9. The test
// executable defines these functions itself, so the code under test needs no hook.
#pragma once

#include <map>
#include <string>

namespace halfdoor {

struct SystemCalls {
  std::map<std::string, int> counts;  // by name: "fdatasync"
  std::map<std::string, int> errors;  // errno with which calls of that name fail
  int kill_before = -1;               // SIGKILL to this process instead of the call of that number, from 0
  int made = 0;
};
// The one of this process; null: nobody is watching. Not for tests with threads.
extern SystemCalls* watched_calls;

class WatchSystemCalls {
 public:
  WatchSystemCalls() { watched_calls = &calls; }
  ~WatchSystemCalls() { watched_calls = nullptr; }
  WatchSystemCalls(const WatchSystemCalls&) = delete;
  WatchSystemCalls& operator=(const WatchSystemCalls&) = delete;

  SystemCalls calls;
};

}  // namespace halfdoor
