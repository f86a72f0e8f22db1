// conf/halfdoor.toml, the reference for operators, held against the loader.
#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "config_text.h"

namespace halfdoor {

namespace {

std::vector<std::string> reference_lines() {
  std::ifstream file(HALFDOOR_REFERENCE);
  REQUIRE(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool is_key_char(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.'; }

// "key" of a line `key = value`, also behind "# "; empty for other lines.
std::string key_of(std::string_view line) {
  if (line.starts_with("# ")) line.remove_prefix(2);
  const size_t end = static_cast<size_t>(std::find_if_not(line.begin(), line.end(), is_key_char) - line.begin());
  return end > 0 && line.substr(end).starts_with(" = ") ? std::string(line.substr(0, end)) : "";
}

}  // namespace

TEST_CASE("the reference has no problems and no warnings") {
  const LoadedConfig loaded = load_config(HALFDOOR_REFERENCE);
  CHECK(loaded.problems == std::vector<std::string>{});
  CHECK(loaded.warnings == std::vector<std::string>{});
  CHECK(loaded.config != nullptr);
}

TEST_CASE("the reference shows the defaults") {
  const std::shared_ptr<Config> shown = load_config(HALFDOOR_REFERENCE).config;
  REQUIRE(shown);
  const Config defaults;
  CHECK(shown->workers == defaults.workers);
  CHECK(shown->state_dir == defaults.state_dir);
  CHECK(shown->drain == defaults.drain);
  CHECK(shown->fresh_mode == defaults.fresh_mode);
  CHECK(shown->worker_stall == defaults.worker_stall);
  CHECK(shown->log_level == defaults.log_level);
  CHECK(shown->control_socket == defaults.control_socket);
  CHECK(shown->limits == defaults.limits);
  CHECK(shown->timeouts == defaults.timeouts);
  REQUIRE(shown->services.size() == 1);
  CHECK(shown->services[0].failover == FailoverConfig{});
  CHECK(shown->services[0].failback == FailbackConfig{});
  CHECK(shown->services[0].read_only == ReadOnlyConfig{});
}

TEST_CASE("the reference names every key of the loader in its table, with a sentence above, and no other") {
  std::set<std::string> shown;
  std::string table, before;
  for (const std::string& line : reference_lines()) {
    if (line.starts_with('[')) {
      table = line.substr(line.find_first_not_of('['), line.find(']') - line.find_first_not_of('['));
      shown.insert(table);
    } else if (const std::string key = key_of(line); !key.empty()) {
      INFO(line);
      // backup.* stands below primary.* and shares its sentence.
      const bool is_second_side = key.starts_with("backup.") && key_of(before).starts_with("primary.");
      CHECK((is_second_side || (before.starts_with("# ") && key_of(before).empty())));
      CHECK(shown.insert(table + "." + key).second);
      // A dotted key shows its table, too.
      if (const size_t dot = key.find('.'); dot != std::string::npos) shown.insert(table + "." + key.substr(0, dot));
    }
    before = line;
  }
  const std::vector<std::string> keys = known_config_keys();
  const std::set<std::string> known(keys.begin(), keys.end());
  CHECK(known.size() > 80);
  CHECK(shown == known);
}

TEST_CASE("the examples behind # in the reference are valid, or refused as not there yet") {
  std::string all, accepted;
  for (const std::string& line : reference_lines()) {
    const std::string key = key_of(line);
    const std::string shown = (line.starts_with("# ") && !key.empty() ? line.substr(2) : line) + "\n";
    all += shown;
    if (key.find("tls") == std::string::npos && key != "http2") accepted += shown;
  }
  const LoadedConfig loaded = parse(all);
  for (const std::string& problem : loaded.problems) CHECK_THAT(problem, Catch::Contains("not in this version yet"));
  CHECK(loaded.problems.size() == 5);

  // Those that have a default show it.
  const std::shared_ptr<Config> config = valid(accepted);
  CHECK(config->access_log == Config().access_log);
  CHECK(config->access_log_json == Config().access_log_json);
  CHECK(config->services[0].failover == FailoverConfig{});
  CHECK(config->services[0].failback.healthy_for == FailbackConfig{}.healthy_for);
  CHECK(config->services[0].read_only.banner == ReadOnlyConfig{}.banner);
}

// Lines lost, doubled or swapped, and bytes changed: what happens to files at 3 a.m.
TEST_CASE("whatever is wrong with a file, every finding names a line of it") {
  const unsigned seed = GENERATE(range(0U, 300U));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  std::vector<std::string> lines = reference_lines();
  for (unsigned change = random() % 4 + 1; change > 0; --change) {
    std::string& line = lines[random() % lines.size()];
    switch (random() % 5) {
      case 0: line.clear(); break;
      case 1: std::swap(line, lines[random() % lines.size()]); break;
      case 2: line += "\n" + lines[random() % lines.size()]; break;
      case 3:
        if (line.starts_with("# ")) line.erase(0, 2);
        break;
      default:
        if (!line.empty()) line[random() % line.size()] = static_cast<char>(random() % 256);
    }
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  const LoadedConfig loaded = parse_config(text, "f");
  CHECK((loaded.config == nullptr) == !loaded.problems.empty());
  std::vector<std::string> findings = loaded.problems;
  findings.insert(findings.end(), loaded.warnings.begin(), loaded.warnings.end());
  for (const std::string& finding : findings) {
    INFO(finding);
    REQUIRE(finding.starts_with("f:"));
    const auto line = parse_unsigned(std::string_view(finding).substr(2, finding.find(": ") - 2));
    REQUIRE(line);
    CHECK(*line >= 1);
    CHECK(*line <= static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    CHECK(std::none_of(finding.begin(), finding.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
  }
}

}  // namespace halfdoor
