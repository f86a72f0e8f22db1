// The command line (design 1.4): parses, asks the daemon over its socket, prints, and says by the exit code how it
// went.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace halfdoor {

struct CommandIo {
  std::ostream& out;
  std::ostream& err;
  bool colours = false;  // the output is a terminal
};

// Serves until told to stop; returns the exit code.
using RunDaemon = std::function<int(const std::string& config_file)>;

// `arguments`: without the program's name. Returns the exit code. Blocks.
int run_command_line(const std::vector<std::string>& arguments, CommandIo io, const RunDaemon& run_daemon);

}  // namespace halfdoor
