#include "base/thread_state.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <string_view>

namespace halfdoor {

namespace {

std::string first_line(int thread_id, const char* file) {
  std::ifstream stream(fmt::format("/proc/self/task/{}/{}", thread_id, file));
  std::string line;
  std::getline(stream, line);
  return line;
}

std::string_view in_words(char state) {
  switch (state) {
    case 'R': return "running";
    case 'S': return "sleeping";
    case 'D': return "waiting for a disk";
    case 'T':
    case 't': return "stopped";
    default: return "ending";
  }
}

}  // namespace

std::string describe_thread(int thread_id) {
  // proc(5): "PID (NAME) STATE ...", and NAME may hold anything.
  const std::string stat = first_line(thread_id, "stat");
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return "gone";
  std::string text(in_words(stat[name_end + 2]));
  const std::string call = first_line(thread_id, "syscall");
  const std::string number = call.substr(0, call.find(' '));
  if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos) {
    text += fmt::format(" in system call {}", number);
  }
  return text;
}

int present_thread_id() { return static_cast<int>(::syscall(SYS_gettid)); }

}  // namespace halfdoor
