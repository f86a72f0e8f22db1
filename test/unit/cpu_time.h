// What a call costs, for tests that bound it: CPU time of this thread, so that a busy machine does not matter.
#pragma once

#include <time.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "test/unit/exchange/parsed_request.h"

namespace halfdoor {

inline double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// The least of several runs, and never nothing.
template <class Run>
double least_cpu_ms(Run run) {
  double least = 1e9;
  for (int i = 0; i < 5; ++i) {
    const double began = cpu_ms();
    run();
    least = std::min(least, cpu_ms() - began);
  }
  return std::max(least, 1e-4);
}

// As many whole copies of `text` as fit.
inline std::string repeated(std::string_view text, size_t bytes) {
  std::string all;
  while (all.size() + text.size() <= bytes) all += text;
  return all;
}

// The measure: the dearest head that every request may have anyhow, one of 32 KiB, is read.
inline double reading_ms() {
  const std::string field = "X: " + std::string(30'000, 'x') + "\n";
  return least_cpu_ms([&] { parse_request("GET /", field); });
}

}  // namespace halfdoor
