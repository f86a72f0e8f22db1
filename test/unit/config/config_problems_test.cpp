#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config_text.h"

namespace halfdoor {

namespace {

const std::string kRest = kListen + kService;

}  // namespace

TEST_CASE("the least valid file has no problems and no warnings") {
  const LoadedConfig loaded = parse(kRest);
  CHECK(loaded.problems.empty());
  CHECK(loaded.warnings.empty());
  CHECK(loaded.config != nullptr);
}

TEST_CASE("names the line of a wrong value in the plain tables and what to write") {
  const auto expected = GENERATE(values<Expected>({
      {"[server]\n\nworkers = \"2\"\n", 3, "server.workers must be a whole number from 0 to 1024"},
      {"[server]\nworkers = -1\n", 2, "from 0 to 1024"},
      {"[server]\nworkers = 1025\n", 2, "from 0 to 1024"},
      {"[server]\nworkers = 1.5\n", 2, "whole number"},
      {"[server]\nstate_dir = 3\n", 2, "needs a text in quotes"},
      {"[server]\nstate_dir = \"\"\n", 2, "is empty"},
      {"[server]\nstate_dir = \"a\\nb\"\n", 2, "control character"},
      {"[server]\ndrain = 10\n", 2, "write it in quotes with its unit"},
      {"[server]\ndrain = \"10\"\n", 2, "is not a duration: \"10\""},
      {"[server]\ndrain = \"10 s\"\n", 2, "without a blank"},
      {"[server]\ndrain = \"1.5s\"\n", 2, "is not a duration"},
      {"[server]\ndrain = \"-1s\"\n", 2, "is not a duration"},
      {"[server]\ndrain = \"25h\"\n", 2, "\"0ms\" to \"1d\""},
      {"[server]\nworker_stall = \"1ms\"\n", 2, "\"100ms\" to \"1h\""},
      {"[server]\nfresh_mode = \"Primary\"\n", 2, "must be one of \"primary\", \"primary-readonly\""},
      {"[server]\nfresh_mode = 1\n", 2, "must be one of"},
      {"[log]\nlevel = \"warn\"\n", 2, "\"debug\", \"info\", \"warning\", \"error\""},
      {"[log]\nformat = \"xml\"\n", 2, "\"json\", \"combined\""},
      {"[control]\ngroup = 5\n", 2, "needs a text"},
      {"[admin]\naddress = \"localhost:1\"\n", 2, "is not an IP address and port"},
      {"[admin]\naddress = \"unix:/run/a.sock\"\n", 2, "must be an IP address and a port"},
      {"[resolver]\nservers = \"10.0.0.53\"\n", 2, "must be a list of texts"},
      {"[limits]\nrequest_head = 8192\n", 2, "write it in quotes with its unit"},
      {"[limits]\nrequest_head = \"8kb\"\n", 2, "is not a size: \"8kb\""},
      {"[limits]\nrequest_head = \"16B\"\n", 2, "is not a size"},
      {"[limits]\nrequest_head = \"2MiB\"\n", 2, "\"512\" to \"1MiB\""},
      {"[limits]\nrequest_fields = \"100\"\n", 2, "limits.request_fields must be a whole number"},
      {"[limits]\nconnections = -1\n", 2, "must be a whole number from 0"},
      {"[limits]\nwrites_in_flight = 0\n", 2, "from 1 to 65536"},
      {"[limits]\nrequest_line = \"64KiB\"\n", 2, "at least as large as request_line"},
      {"[limits]\nrequest_head = 8192\nrequest_line = \"64KiB\"\n", 2, "write it in quotes with its unit"},
      {"[limits]\nrequest_head = \"4KiB\"\n", 2, "at least as large as request_line"},
      {"[timeouts]\nconnect = \"0s\"\n", 2, "\"1ms\" to \"7d\""},
      {"[timeouts]\nconnect = \"8d\"\n", 2, "\"1ms\" to \"7d\""},
  }));
  check_problem({expected.text + kRest, expected.line, expected.words});
}

TEST_CASE("an entry of a list is named by its own line") {
  check_problem({"[resolver]\nservers = [\n  \"10.0.0.53\",\n  \"ns.example\",\n]\n" + kRest, 4, "\"ns.example\""});
  check_problem({"[resolver]\nservers = [\"10.0.0.53\",\n  \"10.0.0.53:53\"]\n" + kRest, 3, "twice"});
}

TEST_CASE("refuses a control socket whose path does not fit into a socket address") {
  check_problem({"[control]\nsocket = \"/" + std::string(107, 'x') + "\"\n" + kRest, 2, "too long for a Unix socket"});
  CHECK(valid("[control]\nsocket = \"/" + std::string(106, 'x') + "\"\n" + kRest)->control_socket.size() == 107);
}

TEST_CASE("an unknown key is named with what was probably meant") {
  const auto expected = GENERATE(values<Expected>({
      {"colour = 1\n", 1, "\"colour\" is not a known key; the tables are server, log"},
      {"[sever]\nworkers = 1\n", 1, "did you mean \"server\"?"},
      {"[server]\n\nwokers = 1\n", 3, "\"server.wokers\" is not a known key; did you mean \"workers\"?"},
      {"[server]\nwrokesr = 1\n", 2, "did you mean \"workers\"?"},
      {"[server]\nlevel = \"info\"\n", 2, "it belongs in [log]"},
      {"[server]\nfrobnicate = 1\n", 2, "the keys of [server] are workers, state_dir, drain"},
      {"[read_only]\nstatus = 503\n", 1, "write it as [service.read_only]"},
      {"[limits]\nrequest_heads = \"1KiB\"\n", 2, "did you mean \"request_head\"?"},
      {"[timeouts]\ndrain = \"1s\"\n", 2, "it belongs in [server] or [service.failover]"},
  }));
  check_problem({expected.text + kRest, expected.line, expected.words});
}

TEST_CASE("a finding stays on one line, whatever it quotes") {
  check_problem({"\"a\\nb\" = 1\n" + kRest, 1, "\"a\\x0ab\" is not a known key"});
  check_problem({"[server]\ndrain = \"\\u001b[2J\"\n" + kRest, 2, "is not a duration: \"\\x1b[2J\""});
}

TEST_CASE("a table in the wrong brackets is named, and what is in it judged all the same") {
  check_problem({"[[server]]\nworkers = 1\n" + kRest, 1, "write [server] once, in single brackets"});
  check_problem({"server = 5\n" + kRest, 1, "must be a table"});
  check_problem({"[listen]\naddress = \"127.0.0.1:0\"\n" + kService, 1, "write [[listen]], in double brackets"});
  const LoadedConfig loaded = parse("[[server]]\nwokers = 1\n" + kRest);
  REQUIRE(loaded.problems.size() == 2);
  CHECK_THAT(loaded.problems[1], Catch::Contains(":2: ") && Catch::Contains("did you mean \"workers\"?"));
}

TEST_CASE("a file without listen or service says which table to write") {
  check_problem({kService, 1, "no [[listen]] table"});
  check_problem({kListen, 1, "no [[service]] table"});
  check_problem({"listen = []\n" + kService, 1, "no [[listen]] table"});
  CHECK(parse("").problems.size() == 2);
}

TEST_CASE("names what is wrong with where to listen") {
  const auto expected = GENERATE(values<Expected>({
      {"[[listen]]\n", 1, "listen.address is missing; write it, as in address = \"0.0.0.0:80\""},
      {"[[listen]]\naddress = \"localhost:80\"\n", 2, "is not an IP address and port"},
      {"[[listen]]\naddress = \"127.0.0.1\"\n", 2, "has no port"},
      {"[[listen]]\naddress = \"127.0.0.1:65536\"\n", 2, "needs a port from 0 to 65535"},
      {"[[listen]]\naddress = \"::1:80\"\n", 2, "in brackets"},
      {"[[listen]]\naddress = \"unix:\"\n", 2, "needs an absolute path"},
      {"[[listen]]\naddress = 80\n", 2, "listen.address needs a text in quotes"},
      {"[[listen]]\naddress = \"127.0.0.1:80\"\n[[listen]]\naddress = \"127.0.0.1:80\"\n", 4, "is taken by line 2"},
      {"[[listen]]\naddress = \"127.0.0.1:80\"\n[[listen]]\naddress = \"[::ffff:127.0.0.1]:80\"\n", 4, "by line 2"},
      {"[[listen]]\naddress = \"unix:/a/b\"\n[[listen]]\naddress = \"unix:/a/b\"\n", 4, "is taken by line 2"},
      {"[[listen]]\naddress = \"unix:/a/b\"\n[control]\nsocket = \"/a/b\"\n", 2, "is taken by line 4"},
      {"[[listen]]\naddress = \"127.0.0.1:80\"\n[admin]\naddress = \"127.0.0.1:80\"\n", 2, "is taken by line 4"},
      {"[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\n\"10.0.0.0/33\"]\n", 4, "from 0 to 32"},
      {"[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"proxy.example\"]\n", 3, "CIDR block"},
      {"[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [1]\n", 3, "has an entry that needs a text"},
      {"[[listen]]\naddress = \"127.0.0.1:0\"\nhttp2 = \"no\"\n", 3, "must be true or false, without quotes"},
      {"[[listen]]\naddress = \"127.0.0.1:0\"\ntls.certs = []\n", 3, "the keys of [listen.tls] are certificates"},
  }));
  check_problem({expected.text + kService, expected.line, expected.words});
}

TEST_CASE("two listeners may both take any free port") {
  CHECK(valid(kListen + kListen + kService)->listeners.size() == 2);
}

TEST_CASE("refuses what would be believed to be in force but is not there yet") {
  const auto line = GENERATE(values<std::string>({
      "redirect_to_https = true",
      "proxy_protocol = true",
      "http2 = true",
      "tls.certificates = [{ cert = \"a.pem\", key = \"a.key\" }]",
      "tls.min_version = \"1.2\"",
  }));
  check_problem({kListen + line + "\n" + kService, 3, "is not in this version yet; "});
}

TEST_CASE("takes the harmless spelling of what is not there yet without a word") {
  const LoadedConfig loaded =
      parse(kListen + "redirect_to_https = false\nproxy_protocol = false\nhttp2 = false\n" + kService);
  CHECK(loaded.config != nullptr);
  CHECK(loaded.warnings.empty());
}

TEST_CASE("warns once for each key that has no effect yet") {
  const auto expected = GENERATE(values<Expected>({
      {"[admin]\ntoken_file = \"/a\"\n", 2, "has no effect without admin.address"},
      {"[server]\nfresh_mode = \"backup-writable\"\n", 2, "better write \"backup-readonly\""},
  }));
  check_warning({expected.text + kRest, expected.line, expected.words});
}

TEST_CASE("an access log needs no warning, wherever it goes") {
  const auto where = GENERATE("off", "stdout", "logs/access.log", "/var/log/halfdoor/access.log");
  CHECK(parse("[log]\nformat = \"combined\"\naccess = \"" + std::string(where) + "\"\n" + kRest).warnings.empty());
}

TEST_CASE("a syntax error is the only finding, with its line and what usually helps") {
  const auto expected = GENERATE(values<Expected>({
      {"[server]\nworkers = 1\nworkers = 2\nwokers = 3\n", 3, "write each key once"},
      {"[server]\n[log]\n[server]\n", 3, "write each [table] once"},
      {"[server]\ndrain = 10s\n", 2, "write text, durations and sizes in quotes"},
      {"[server]\nstate_dir = /var/lib\n", 2, "in quotes"},
      {"[server]\nstate_dir = \"/var/lib\nworkers = 1\n", 2, "is a closing quote missing?"},
      {"[server\n", 1, "write a table as [name] or [[name]]"},
      {"\nworkers\n", 2, "write key = value"},
      {"a = \"\xff\"\n", 1, "save the file as UTF-8"},
  }));
  check_problem(expected);
}

TEST_CASE("no document is so deep that it could overflow the stack") {
  std::string key = "a", brackets = "a = ";
  for (int i = 0; i < 200'000; ++i) key += ".a";
  brackets.append(200'000, '[');
  check_problem({"\n" + key + " = 1\n", 2, "too many dots"});
  check_problem({"\n[" + key + "]\n", 2, "too many dots"});
  check_problem({"\n" + brackets + "\n", 2, "not valid TOML"});
}

TEST_CASE("reports everything that is wrong in one run, in the order of the lines") {
  const LoadedConfig loaded = parse(
      "[server]\nwokers = 1\ndrain = 3\n[[listen]]\naddress = \"x\"\n[[service]]\nname = \"A\"\n"
      "backup.servers = []\n[service.read_only]\nstatus = 405\n");
  std::vector<std::string> places;
  for (const std::string& problem : loaded.problems) places.push_back(problem.substr(0, problem.find(": ")));
  const std::string file = "/etc/halfdoor/halfdoor.toml";
  CHECK(places == std::vector<std::string>{file + ":2", file + ":3", file + ":5", file + ":6", file + ":7", file + ":8",
                                           file + ":10"});
}

TEST_CASE("a file that cannot be read is named with the reason") {
  const auto says = [](const LoadedConfig& loaded, const std::string& words) {
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.config == nullptr);
    CHECK_THAT(loaded.problems[0], Catch::Contains(words));
  };
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  says(load_config((folder / "halfdoor-no-such-file.toml").string()), "No such file or directory");
  says(load_config(folder.string()), "is a folder");

  char name[] = "/tmp/halfdoor-config-XXXXXX";
  const int fd = mkstemp(name);
  REQUIRE(fd >= 0);
  std::ofstream(name) << kRest;
  CHECK(load_config(name).config != nullptr);
  std::ofstream(name) << std::string((4 << 20) + 1, '\n');
  says(load_config(name), "larger than 4 MiB");
  close(fd);
  std::remove(name);
}

}  // namespace halfdoor
