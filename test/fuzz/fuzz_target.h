// What every fuzz target is: a function over bytes that returns, or ends the process with the name of the property that
// does not hold. The same function is driven by libFuzzer and by the replay of the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace halfdoor::fuzz {

using Run = void (*)(std::string_view input);

// One per file of targets/, through HALFDOOR_FUZZ_TARGET.
struct Target {
  Target(const char* its_name, Run its_run);
  const char* name;
  Run run;
};
const std::vector<const Target*>& all_targets();

#define HALFDOOR_FUZZ_TARGET(name, run) const ::halfdoor::fuzz::Target target_##name(#name, run)

// Ends the process unless it holds. `property` is a sentence; `detail` is made only when it is needed.
void require(bool holds, std::string_view property, const std::function<std::string()>& detail = {});
void require_same(std::string_view one, std::string_view other, std::string_view property);
// Bytes that are no printable ASCII as \xNN.
std::string printable(std::string_view bytes);

// The front of an input chooses settings in printable bytes, so that a corpus stays readable; the rest is the message.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  // '0' is 0, '1' is 1, …; 0 when nothing is left.
  unsigned choose(unsigned below);
  bool flag() { return choose(2) == 1; }
  // Up to the next "\n", which is taken too.
  std::string_view line();
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// A sequence that the input determines; for how it is cut and in which order things happen.
class Sequence {
 public:
  explicit Sequence(std::string_view from);
  size_t below(size_t bound);

 private:
  uint64_t state_;
};

using Pieces = std::vector<std::string_view>;
Pieces cut_into_bytes(std::string_view bytes);
// A few large pieces, many small ones, as `sequence` says. `longest`: of a piece.
Pieces cut(std::string_view bytes, Sequence& sequence, size_t longest = 64);

// Every allocation of the process through operator new, for bounds of memory.
size_t allocated_now();
size_t allocated_peak();
void forget_peak();

}  // namespace halfdoor::fuzz
