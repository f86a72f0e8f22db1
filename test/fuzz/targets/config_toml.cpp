// The configuration: any text is a configuration or has problems, each with FILE:LINE and on one line; the same text
// gives the same twice; what is valid can be served.
#include <algorithm>

#include "config/config.h"
#include "config/host_table.h"
#include "fuzz/fuzz_target.h"

namespace halfdoor::fuzz {

namespace {

constexpr std::string_view kFile = "/etc/halfdoor/halfdoor.toml";

void check_finding(const std::string& finding, std::string_view text) {
  const auto why = [&] { return printable(finding); };
  require(finding.starts_with(std::string(kFile) + ":"), "every finding names its file", why);
  const size_t digits = kFile.size() + 1;
  const size_t end = finding.find(": ", digits);
  require(end != std::string::npos && end > digits && end < digits + 9, "every finding names its line", why);
  const std::string number = finding.substr(digits, end - digits);
  require(std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; }),
          "the line is a number", why);
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const size_t line = std::stoul(number);
  require(line >= 1 && line <= lines, "the line is one of the file", why);
  require(finding.size() > end + 2, "every finding says what is wrong", why);
  require(std::none_of(finding.begin(), finding.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
          "a finding is one line of text", why);
}

void check_valid(const Config& config) {
  require(!config.listeners.empty() && !config.services.empty(), "a valid configuration listens and serves");
  require(config.worker_count() >= 1, "there is a worker");
  const HostTable hosts(config);
  for (size_t i = 0; i < config.services.size(); ++i) {
    const ServiceConfig& service = config.services[i];
    require(!service.name.empty() && service.name.size() <= 64, "a service has a name that can be a file's");
    require(service.name.find_first_of("/.") == std::string::npos, "a service's name leads nowhere else");
    for (const Side side : kSides) {
      require(!service.side(side).servers.empty(), "each side has a server");
    }
    for (const std::string& host : service.hosts) {
      const std::string name = host.starts_with("*.") ? "some." + host.substr(2) : host;
      require(hosts.find(name).has_value(), "a host that is configured is found");
      if (!host.starts_with("*.")) require(hosts.find(name) == i, "an exact host belongs to its service");
    }
    for (const auto* rules : {&service.read_only.allow, &service.read_only.deny}) {
      for (const Rule& rule : *rules) require(*Rule::parse(rule.text) == rule, "a rule is read alike twice");
    }
    require(service.read_only.status >= 400 && service.read_only.status < 600, "the notice has the status of an error");
  }
}

void run(std::string_view bytes) {
  const std::string text(bytes);
  const LoadedConfig loaded = parse_config(text, std::string(kFile));
  require((loaded.config != nullptr) == loaded.problems.empty(), "there is a configuration, or what is wrong with it");
  for (const auto* findings : {&loaded.problems, &loaded.warnings}) {
    for (const std::string& finding : *findings) check_finding(finding, text);
  }
  const LoadedConfig again = parse_config(text, std::string(kFile));
  require(again.problems == loaded.problems && again.warnings == loaded.warnings, "the same text says the same twice");
  if (loaded.config) check_valid(*loaded.config);
}

HALFDOOR_FUZZ_TARGET(config_toml, run);

}  // namespace

}  // namespace halfdoor::fuzz
