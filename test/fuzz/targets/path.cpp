// The normal form of a path: what check_path lets through is read as the reference reads it, is_normal_form means that
// every host reads the path alike, and the forms are idempotent.
#include "http/path.h"

#include "fuzz/path_input.h"

namespace halfdoor::fuzz {

namespace {

void check_problems(std::string_view path, PathProblem problem) {
  bool has_bad_escape = false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') continue;
    const std::string_view escape = path.substr(i, 3);
    if (escape.size() < 3 || reference::decode_once(escape).size() != 1) has_bad_escape = true;
  }
  const bool has_nul = path.find("%00") != std::string_view::npos;
  if (has_bad_escape || has_nul) require(problem != PathProblem::none, "a bad escape and %00 are problems");
  if (problem == PathProblem::bad_escape) require(has_bad_escape, "only a bad escape is called one");
  if (problem == PathProblem::nul) require(has_nul, "only %00 is called a NUL");
}

void run(std::string_view bytes) {
  Input input(bytes);
  const reference::HostModel host = choose_host(input);
  const std::string path = "/" + std::string(input.rest());
  const PathProblem problem = check_path(path);
  check_problems(path, problem);
  if (!is_normal_form(path)) return;
  require(problem == PathProblem::none, "a path in normal form has no problem");
  require_same(reference::read_path(path, host), path, "every host reads a path in normal form alike");
}

HALFDOOR_FUZZ_TARGET(path, run);

}  // namespace

}  // namespace halfdoor::fuzz
