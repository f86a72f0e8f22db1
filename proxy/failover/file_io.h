// System calls on files as this folder needs them: whole writes, no symlinks, errors as sentences.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace halfdoor {

// "write of /var/lib/halfdoor/salon.latch: No space left on device".
Error file_error(std::string_view what, std::string_view path, int error_number);
// errno as text, thread-safe.
std::string errno_text(int error_number);

// All of it, over EINTR and short writes; errno of the failure, or 0.
int write_all_at(int fd, std::string_view bytes, size_t offset);

// A regular file, never through a symlink; a pipe or a device in its place is an error, not a hang.
Result<UniqueFd> open_regular(const std::string& path, int flags, int mode = 0600);

// `bytes` as a new file (0600, allocated and synced) that takes the place of `path` in one step.
Status replace_file(const std::string& path, std::string_view bytes);

}  // namespace halfdoor
