// The daemon's log, in simulations a part of the story. Takes the place of base/log.cpp where this is linked.
#include "base/log.h"
#include "simulation/story.h"

namespace halfdoor {

Story* logged_story = nullptr;

void start_log(LogLevel) {}
void stop_log() {}
bool log_enabled(LogLevel) { return logged_story != nullptr && logged_story->is_told(); }
void log_line(LogLevel, std::string_view line) {
  if (logged_story != nullptr) logged_story->tell("log", "{}", line);
}

}  // namespace halfdoor
