// fuzz_replay TARGET PATH...: runs the files, or every file of the folders, through a target; no fuzzer is needed.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "fuzz/fuzz_target.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void replay(const halfdoor::fuzz::Target& target, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::printf("%s\n", path.filename().c_str());
  std::fflush(stdout);
  // Memory of exactly this size, so that a sanitizer sees a byte too many.
  const auto memory = std::make_unique<char[]>(bytes.size());
  std::memcpy(memory.get(), bytes.data(), bytes.size());
  target.run({memory.get(), bytes.size()});
}

}  // namespace

int main(int count, char** arguments) {
  for (const halfdoor::fuzz::Target* target : halfdoor::fuzz::all_targets()) {
    if (count < 3 || std::strcmp(target->name, arguments[1]) != 0) continue;
    size_t replayed = 0;
    for (int i = 2; i < count; ++i) {
      for (const fs::path& path : files_of(arguments[i])) {
        replay(*target, path);
        ++replayed;
      }
    }
    std::printf("%zu inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
  }
  std::fprintf(stderr, "usage: fuzz_replay TARGET PATH...\n");
  return 64;
}
