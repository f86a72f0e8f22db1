// simulate: runs simulations by their seeds, and says how to see a failing one again.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "simulation/simulation.h"

namespace {

using namespace halfdoor;

struct Wishes {
  uint64_t first = 1;
  uint64_t count = 1;
  uint64_t stride = 1;
  bool story = false;
  bool twice = false;
  bool shrink = false;
  bool keep_going = false;
  SimulationOptions options;
};

std::string make_folder() {
  const char* base = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  return fmt::format("{}/halfdoor-simulation.{}", base, ::getpid());
}

struct Outcome {
  std::vector<Checker::Failure> failures;
  uint64_t hash = 0;
  std::string description;
};

Outcome run(const SimulationOptions& options, Story::Telling telling) {
  SimulationOptions told = options;
  told.telling = telling;
  Simulation simulation(told);
  simulation.run();
  return {simulation.failures(), simulation.hash(), simulation.describe()};
}

std::string arguments(const SimulationOptions& options) {
  std::string text = fmt::format("--seed {}", options.seed);
  if (options.no_kills) text += " --no-kills";
  if (options.no_disk_trouble) text += " --no-disk-trouble";
  if (options.no_host_trouble) text += " --no-host-trouble";
  if (options.no_commands) text += " --no-commands";
  if (options.no_hostile_clients) text += " --no-hostile-clients";
  if (options.only_clients > 0) text += fmt::format(" --only-clients {}", options.only_clients);
  return text;
}

// Leaves out whole kinds of actors, then clients, as long as it fails by the same property.
SimulationOptions shrink(SimulationOptions options, const Property* property) {
  const auto fails = [&](const SimulationOptions& tried) {
    const Outcome outcome = run(tried, Story::Telling::nothing);
    return !outcome.failures.empty() && outcome.failures.front().property == property;
  };
  for (bool SimulationOptions::*what :
       {&SimulationOptions::no_kills, &SimulationOptions::no_disk_trouble, &SimulationOptions::no_host_trouble,
        &SimulationOptions::no_hostile_clients, &SimulationOptions::no_commands}) {
    SimulationOptions tried = options;
    tried.*what = true;
    if (fails(tried)) options = tried;
  }
  for (int clients = 1; clients < 1'000; clients = clients * 3 / 2 + 1) {
    SimulationOptions tried = options;
    tried.only_clients = clients;
    if (fails(tried)) return tried;
  }
  return options;
}

bool run_seed(const Wishes& wishes, uint64_t seed) {
  SimulationOptions options = wishes.options;
  options.seed = seed;
  Outcome outcome = run(options, wishes.story   ? Story::Telling::aloud
                                 : wishes.twice ? Story::Telling::hash_only
                                                : Story::Telling::nothing);
  if (wishes.twice) {
    const Outcome again = run(options, Story::Telling::hash_only);
    if (again.hash != outcome.hash) {
      std::printf("seed %llu: two runs tell two stories\n", static_cast<unsigned long long>(seed));
      return false;
    }
  }
  if (wishes.story)
    std::printf("seed %llu: %s, story %016llx\n", static_cast<unsigned long long>(seed), outcome.description.c_str(),
                static_cast<unsigned long long>(outcome.hash));
  if (outcome.failures.empty()) return true;
  if (wishes.shrink) {
    options = shrink(options, outcome.failures.front().property);
    outcome = run(options, Story::Telling::nothing);
  }
  std::printf("seed %llu FAILS, %zu times\n", static_cast<unsigned long long>(seed), outcome.failures.size());
  for (size_t i = 0; i < outcome.failures.size() && i < 5; ++i) {
    const Checker::Failure& failure = outcome.failures[i];
    std::printf("  %s: %s\n    %s\n", failure.property->name, failure.property->text, failure.what.c_str());
  }
  std::printf("  to see it: scripts/simulate %s --story\n", arguments(options).c_str());
  std::fflush(stdout);
  return false;
}

}  // namespace

int main(int count, char** words) {
  CLI::App app{"Simulates whole days of halfdoor"};
  Wishes wishes;
  uint64_t seed = 0;
  app.add_option("--seed", seed, "only this one");
  app.add_option("--first", wishes.first, "first seed of many");
  app.add_option("--count", wishes.count, "how many seeds");
  app.add_option("--stride", wishes.stride, "every so many-th seed");
  app.add_flag("--story", wishes.story, "tell what happens");
  app.add_flag("--twice", wishes.twice, "run each twice and compare");
  app.add_flag("--shrink", wishes.shrink, "leave out what a failure does not need");
  app.add_flag("--keep-going", wishes.keep_going, "after a failure");
  app.add_flag("--no-kills", wishes.options.no_kills);
  app.add_flag("--no-disk-trouble", wishes.options.no_disk_trouble);
  app.add_flag("--no-host-trouble", wishes.options.no_host_trouble);
  app.add_flag("--no-commands", wishes.options.no_commands);
  app.add_flag("--no-hostile-clients", wishes.options.no_hostile_clients);
  app.add_option("--only-clients", wishes.options.only_clients);
  CLI11_PARSE(app, count, words);
  wishes.options.folder = make_folder();
  if (seed != 0) {
    wishes.first = seed;
    wishes.count = 1;
  }
  const auto began = std::chrono::steady_clock::now();
  uint64_t failed = 0, made = 0;
  for (uint64_t i = 0; i < wishes.count; ++i) {
    ++made;
    if (run_seed(wishes, wishes.first + i * wishes.stride)) continue;
    ++failed;
    if (!wishes.keep_going) break;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%llu seeds, %llu failed, %.1f s\n", static_cast<unsigned long long>(made),
              static_cast<unsigned long long>(failed), seconds);
  return failed == 0 ? 0 : 1;
}
