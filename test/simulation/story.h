// Story: what happened in a simulation, line by line, for people; and one number that tells two runs apart.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "simulation/schedule.h"

namespace halfdoor {

class Story {
 public:
  enum class Telling : uint8_t { nothing, hash_only, aloud };

  Story(const Schedule& schedule, Telling telling) : schedule_(schedule), telling_(telling) {}

  bool is_told() const { return telling_ != Telling::nothing; }
  template <class... T>
  void tell(std::string_view who, fmt::format_string<T...> format, T&&... values) {
    if (is_told()) add(who, fmt::format(format, std::forward<T>(values)...));
  }
  uint64_t hash() const { return hash_; }

 private:
  void add(std::string_view who, const std::string& what) {
    const Micros now = schedule_.now();
    const std::string line = fmt::format("{:>7}.{:03} {:<12} {}\n", now / kMs, now % kMs, who, what);
    for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    if (telling_ == Telling::aloud) std::fputs(line.c_str(), stdout);
  }

  const Schedule& schedule_;
  const Telling telling_;
  uint64_t hash_ = 0xCBF29CE484222325ULL;
};

// To which the daemon's own log goes; null: nowhere.
extern Story* logged_story;

// Bytes for a line: quoted, ends of lines visible, cut.
inline std::string abbreviate(std::string_view bytes, size_t most = 60) {
  std::string text = "\"";
  for (const char c : bytes.substr(0, most)) {
    if (c == '\r') continue;
    text += c == '\n' ? std::string("|") : c < 0x20 || c > 0x7e ? std::string("?") : std::string(1, c);
  }
  return text + (bytes.size() > most ? fmt::format("\"… ({} bytes)", bytes.size()) : std::string("\""));
}

}  // namespace halfdoor
