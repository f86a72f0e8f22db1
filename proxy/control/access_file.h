// AccessFile: the file, pipe or standard output that the access log goes to: whole lines, in order, whatever it does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace halfdoor {

// One thread. Every function may block as long as a disk does; a pipe that nobody reads never blocks.
class AccessFile {
 public:
  // "stdout", or a path.
  explicit AccessFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool is_open() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // Creates the file (0640) and its folder (0755) if they are missing. Half a line that an earlier process left at its
  // end will stay a line of its own.
  Status open();
  // The same while `lines` have been written up to `from`: goes over to what stands at the path now, unless that is the
  // file it has already or cannot be opened; then nothing changes. Half a line is taken back from the file that is
  // left.
  Status open_again(std::string_view lines, size_t& from);

  // Writes `lines` (each with its "\n") from `from` on and moves it. Everything has been written when it is at the end;
  // otherwise, without an error, a pipe is full: it can go on when fd() is writable. After an error it may be tried
  // again, with the same lines; a pipe whose reader has gone is closed, and its last line begins anew.
  Status write(std::string_view lines, size_t& from);
  // Nothing more of `lines` will be written here: half a line at the end is taken back, if that is possible, and `from`
  // moved back to its begin.
  void give_up(std::string_view lines, size_t& from);

 private:
  Result<UniqueFd> open_path() const;
  Status adopt(UniqueFd fd);

  const std::string path_;
  UniqueFd fd_;
  bool is_regular_ = false;
  bool lacks_newline_ = false;  // what stands there does not end with one
};

}  // namespace halfdoor
