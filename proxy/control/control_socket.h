// Opens the control socket safely: replaces what a dead daemon left, and refuses everything else that is in the way.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace halfdoor {

struct ControlSocketOptions {
  std::string path;
  std::string group;  // empty: the daemon's own
};

// Whether the group exists; an error says what to do. Empty: the daemon's own, which does.
Status check_group(const std::string& group);

// The socket file; removes it at the end, unless somebody else's file stands there by then.
class ControlSocket {
 public:
  // Listens, non-blocking, mode 0660; its folder is made (0755) if missing. Refused by name: a live second instance, a
  // symbolic link, a file that is no socket, a socket or folder that belongs to somebody else, an unknown group.
  static Result<ControlSocket> open(const ControlSocketOptions& options);

  ControlSocket(ControlSocket&& other) noexcept;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();

  int fd() const { return listening_.get(); }

 private:
  ControlSocket(UniqueFd listening, std::string path);

  UniqueFd listening_;
  std::string path_;
  uint64_t inode_ = 0;
};

}  // namespace halfdoor
