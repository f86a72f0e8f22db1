// The command line of halfdoor.
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "control/command_line.h"
#include "control/daemon.h"
#include "worker/worker.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const halfdoor::CommandIo io{std::cout, std::cerr, ::isatty(STDOUT_FILENO) == 1};
  return halfdoor::run_command_line(
      arguments, io, [](const std::string& file) { return halfdoor::run_daemon(file, halfdoor::Worker::start); });
}
