// The exit codes of the command line (design 1.4), after sysexits.h.
#pragma once

namespace halfdoor {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitRefused = 2,  // refused or invalid, each rule or line named
  kExitUsage = 64,
  kExitUnreachable = 69,  // the daemon, or permission denied
  kExitIncomplete = 75,   // accepted, not complete within --wait
};

}  // namespace halfdoor
