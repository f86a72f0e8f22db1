// libFuzzer's entry: the one target that was linked.
#include "fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  halfdoor::fuzz::all_targets().front()->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
