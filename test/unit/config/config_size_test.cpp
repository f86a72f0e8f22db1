// How much a configuration may list: none, the limit, one more, ten times as much.
#include <functional>

#include "config/limits.h"
#include "config_text.h"

namespace halfdoor {
namespace {

std::string list(size_t count, const std::function<std::string(size_t)>& entry) {
  std::string text = "[\n";
  for (size_t i = 0; i < count; ++i) text += "\"" + entry(i) + "\",\n";
  return text + "]\n";
}

std::string address(size_t i) { return "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":80"; }

std::string service(size_t i) {
  const std::string number = std::to_string(i);
  return "[[service]]\nname = \"s" + number + "\"\nhosts = [\"h" + number +
         "\"]\nprimary.servers = [\"10.0.0.10:8080\"]\nbackup.servers = [\"10.9.0.10:8080\"]\n";
}

std::string services(size_t count) {
  std::string text = kListen;
  for (size_t i = 0; i < count; ++i) text += service(i);
  return text;
}

// A list of texts, and how it is written with so many entries.
struct List {
  const char* key;
  size_t most;
  bool may_be_empty;
  std::function<std::string(size_t)> text;
  std::function<size_t(const Config&)> size;
};

std::vector<List> lists() {
  const auto in_read_only = [](const char* key, const std::function<std::string(size_t)>& entry) {
    return [key, entry](size_t count) {
      return kListen + kService + "[service.read_only]\n" + key + " = " + list(count, entry);
    };
  };
  const auto number = [](size_t i) { return std::to_string(i); };
  return {
      {"service.read_only.allow", ListLimits::rules, true,
       in_read_only("allow", [=](size_t i) { return "POST /a" + number(i); }),
       [](const Config& config) { return config.services[0].read_only.allow.size(); }},
      {"service.read_only.deny", ListLimits::rules, true,
       in_read_only("deny", [=](size_t i) { return "GET /a" + number(i) + "?b=" + number(i); }),
       [](const Config& config) { return config.services[0].read_only.deny.size(); }},
      {"service.read_only.override_names", ListLimits::names, true,
       in_read_only("override_names", [=](size_t i) { return "X-" + number(i); }),
       [](const Config& config) { return config.services[0].read_only.override_names.size(); }},
      {"service.read_only.graphql", ListLimits::names, true,
       in_read_only("graphql", [=](size_t i) { return "/g" + number(i); }),
       [](const Config& config) { return config.services[0].read_only.graphql.size(); }},
      {"service.hosts", ListLimits::hosts, false,
       [=](size_t count) {
         return kListen + kService + "hosts = " + list(count, [=](size_t i) { return "h" + number(i) + ".example"; });
       },
       [](const Config& config) { return config.services[0].hosts.size(); }},
      {"service.primary.servers", ListLimits::servers, false,
       [](size_t count) {
         return kListen + "[[service]]\nname = \"salon\"\nbackup.servers = [\"10.9.0.10:8080\"]\nprimary.servers = " +
                list(count, address);
       },
       [](const Config& config) { return config.services[0].sides[0].servers.size(); }},
      {"service.backup.servers", ListLimits::servers, false,
       [](size_t count) {
         return kListen + "[[service]]\nname = \"salon\"\nprimary.servers = [\"10.9.0.10:8080\"]\nbackup.servers = " +
                list(count, address);
       },
       [](const Config& config) { return config.services[0].sides[1].servers.size(); }},
      {"listen.trusted_proxies", ListLimits::trusted_proxies, true,
       [](size_t count) {
         return "[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = " +
                list(count,
                     [](size_t i) {
                       return "10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24";
                     }) +
                kService;
       },
       [](const Config& config) { return config.listeners[0].trusted_proxies.size(); }},
  };
}

}  // namespace

TEST_CASE("lists may be as long as their limit and not one entry longer") {
  for (const List& list : lists()) {
    CAPTURE(list.key);
    if (list.may_be_empty) CHECK(list.size(*valid(list.text(0))) == 0);
    CHECK(list.size(*valid(list.text(list.most))) == list.most);
    for (const size_t count : {list.most + 1, 10 * list.most}) {
      const LoadedConfig loaded = parse(list.text(count));
      CHECK(loaded.config == nullptr);
      REQUIRE(loaded.problems.size() == 1);
      CHECK_THAT(loaded.problems[0], Catch::Contains(std::string(list.key) + " has " + std::to_string(count) +
                                                     " entries; write at most " + std::to_string(list.most)));
    }
  }
}

TEST_CASE("there may be as many services and listeners as their limit and not one more") {
  CHECK(valid(services(ListLimits::services))->services.size() == ListLimits::services);
  for (const size_t count : {ListLimits::services + 1, 10 * ListLimits::services}) {
    const LoadedConfig loaded = parse(services(count));
    CHECK(loaded.config == nullptr);
    REQUIRE(loaded.problems.size() == 1);
    // The line of the first that is too many.
    CHECK_THAT(loaded.problems[0],
               Catch::StartsWith("/etc/halfdoor/halfdoor.toml:" + std::to_string(3 + 5 * ListLimits::services) +
                                 ": service is the " + std::to_string(ListLimits::services + 1) + ". of "));
  }
  const auto listeners = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += kListen;
    return text + kService;
  };
  CHECK(valid(listeners(ListLimits::listeners))->listeners.size() == ListLimits::listeners);
  CHECK(parse(listeners(ListLimits::listeners + 1)).problems.size() == 1);
  CHECK(parse(listeners(10 * ListLimits::listeners)).problems.size() == 1);
}

}  // namespace halfdoor
