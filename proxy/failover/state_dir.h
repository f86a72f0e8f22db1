// StateDir: the folder of latches, journal and uncertain writes, held by one process at a time.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace halfdoor {

// The lock lasts as long as the object, and ends with the process however that ends.
class StateDir {
 public:
  // Makes the folder (0700; folders above it 0755) if it is missing and takes its lock. Errors say which user met which
  // owner and mode, or which process holds the lock, and what to do.
  static Result<StateDir> open(const std::string& path);

  const std::string& path() const { return path_; }
  // Loud if not empty: the folder is open to others.
  const std::string& warning() const { return warning_; }

 private:
  StateDir() = default;

  std::string path_;
  std::string warning_;
  UniqueFd lock_;
};

// "root (uid 0)", for messages.
std::string describe_user();
// "belongs to root:root, mode 0755", for messages; "does not exist".
std::string describe_owner(const std::string& path);

// Syncs a folder, so that a name made or renamed in it lasts.
Status sync_folder(const std::string& path);

}  // namespace halfdoor
