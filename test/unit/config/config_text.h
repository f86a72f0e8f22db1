// Configurations to break: the least that is valid, and what the loader says about a variation.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "config/config.h"

namespace halfdoor {

inline const std::string kListen = "[[listen]]\naddress = \"127.0.0.1:0\"\n";
inline const std::string kService =
    "[[service]]\nname = \"salon\"\nprimary.servers = [\"10.0.0.10:8080\"]\nbackup.servers = [\"10.9.0.10:8080\"]\n";

inline LoadedConfig parse(const std::string& text) { return parse_config(text, "/etc/halfdoor/halfdoor.toml"); }

// One finding: its line, and words that its message must contain.
struct Expected {
  std::string text;
  int line;
  std::string words;
};

inline void check_findings(const std::vector<std::string>& findings, const Expected& expected) {
  INFO(expected.text);
  for (const std::string& finding : findings) UNSCOPED_INFO(finding);
  REQUIRE(findings.size() == 1);
  CHECK_THAT(findings[0], Catch::StartsWith("/etc/halfdoor/halfdoor.toml:" + std::to_string(expected.line) + ": "));
  CHECK_THAT(findings[0], Catch::Contains(expected.words));
}

// The text has exactly this one problem, and therefore yields no configuration.
inline void check_problem(const Expected& expected) {
  const LoadedConfig loaded = parse(expected.text);
  check_findings(loaded.problems, expected);
  CHECK(loaded.config == nullptr);
}

// The text is valid, with exactly this one warning.
inline void check_warning(const Expected& expected) {
  const LoadedConfig loaded = parse(expected.text);
  INFO(expected.text);
  for (const std::string& problem : loaded.problems) UNSCOPED_INFO(problem);
  CHECK(loaded.problems.empty());
  CHECK(loaded.config != nullptr);
  check_findings(loaded.warnings, expected);
}

// The configuration of a text that has nothing wrong with it.
inline std::shared_ptr<Config> valid(const std::string& text) {
  const LoadedConfig loaded = parse(text);
  INFO(text);
  for (const std::string& problem : loaded.problems) UNSCOPED_INFO(problem);
  REQUIRE(loaded.config != nullptr);
  CHECK(loaded.problems.empty());
  return loaded.config;
}

}  // namespace halfdoor
