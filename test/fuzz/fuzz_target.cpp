#include "fuzz/fuzz_target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace halfdoor::fuzz {

namespace {

std::vector<const Target*>& targets() {
  static std::vector<const Target*> all;
  return all;
}

[[noreturn]] void fail(std::string_view property, const std::string& detail) {
  std::fprintf(stderr, "PROPERTY DOES NOT HOLD: %.*s\n%s\n", static_cast<int>(property.size()), property.data(),
               detail.c_str());
  std::abort();
}

}  // namespace

Target::Target(const char* its_name, Run its_run) : name(its_name), run(its_run) { targets().push_back(this); }

const std::vector<const Target*>& all_targets() { return targets(); }

void require(bool holds, std::string_view property, const std::function<std::string()>& detail) {
  if (!holds) fail(property, detail ? detail() : std::string());
}

void require_same(std::string_view one, std::string_view other, std::string_view property) {
  if (one != other) fail(property, "one:   " + printable(one) + "\nother: " + printable(other));
}

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c >= 0x20 && c < 0x7f) {
      text.push_back(c);
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += escape;
    }
  }
  return text;
}

unsigned Input::choose(unsigned below) {
  if (rest_.empty()) return 0;
  const unsigned byte = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  return (byte + 256U - '0') % 256U % below;
}

std::string_view Input::line() {
  const size_t end = std::min(rest_.find('\n'), rest_.size());
  const std::string_view taken = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return taken;
}

Sequence::Sequence(std::string_view from) : state_(0xcbf29ce484222325ULL) {
  for (const char c : from) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
}

size_t Sequence::below(size_t bound) {
  state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
  return bound == 0 ? 0 : static_cast<size_t>(state_ >> 33U) % bound;
}

Pieces cut_into_bytes(std::string_view bytes) {
  Pieces pieces;
  for (size_t at = 0; at < bytes.size(); ++at) pieces.push_back(bytes.substr(at, 1));
  return pieces;
}

Pieces cut(std::string_view bytes, Sequence& sequence, size_t longest) {
  Pieces pieces;
  while (!bytes.empty()) {
    const size_t most = sequence.below(4) == 0 ? bytes.size() : std::min(bytes.size(), longest);
    const size_t size = 1 + sequence.below(most);
    pieces.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return pieces;
}

}  // namespace halfdoor::fuzz
