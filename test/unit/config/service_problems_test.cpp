#include "config_text.h"

namespace halfdoor {

namespace {

// A service whose lines are those of `text`, behind the listener's two.
std::string service(const std::string& text) { return kListen + text; }

const std::string kName = "[[service]]\nname = \"salon\"\n";                                               // lines 3, 4
const std::string kServers = "primary.servers = [\"10.0.0.1:80\"]\nbackup.servers = [\"10.0.0.2:80\"]\n";  // 5, 6

}  // namespace

TEST_CASE("names what is wrong with the name of a service") {
  const auto expected = GENERATE(values<Expected>({
      {"", 3, "service.name is missing; write it, as in name = \"salon\""},
      {"name = \"\"\n", 4, "is empty"},
      {"name = \"Salon\"\n", 4, "a-z, 0-9, - and _"},
      {"name = \"-salon\"\n", 4, "a letter or digit first"},
      {"name = \"../salon\"\n", 4, "a-z, 0-9, - and _"},
      {"name = 5\n", 4, "needs a text in quotes"},
  }));
  check_problem({service("[[service]]\n" + expected.text + kServers), expected.line, expected.words});
  check_problem({service("[[service]]\nname = \"" + std::string(65, 'a') + "\"\n" + kServers), 4, "at most 64"});
  CHECK(valid(service("[[service]]\nname = \"" + std::string(64, 'a') + "\"\n" + kServers)));
}

TEST_CASE("names what is wrong with the servers of a side") {
  const auto expected = GENERATE(values<Expected>({
      {"backup.servers = [\"10.0.0.2:80\"]\n", 3,
       "service.primary.servers is missing; write it, as in primary.servers"},
      {"primary.servers = [\"10.0.0.2:80\"]\n", 3, "service.backup.servers is missing; write it, as in backup.servers"},
      {"primary.servers = []\nbackup.servers = [\"10.0.0.2:80\"]\n", 5, "is empty; write at least one server"},
      {"primary.servers = \"10.0.0.1:80\"\nbackup.servers = [\"10.0.0.2:80\"]\n", 5, "must be a list of texts"},
      {"primary = \"10.0.0.1:80\"\nbackup.servers = [\"10.0.0.2:80\"]\n", 5, "write [service.primary]"},
      {"primary.servers = [5]\nbackup.servers = [\"10.0.0.2:80\"]\n", 5, "has an entry that needs a text"},
      {"primary.server = [\"10.0.0.1:80\"]\nprimary.servers = [\"10.0.0.1:80\"]\nbackup.servers = [\"a:80\"]\n", 5,
       "did you mean \"servers\"?"},
      {kServers + "primary.tls = { verify = true }\n", 7, "is not in this version yet"},
      {kServers + "backup.tls = {}\n", 7, "is not in this version yet"},
  }));
  check_problem({service(kName + expected.text), expected.line, expected.words});
}

TEST_CASE("an address on both sides is refused however it is spelled") {
  const auto pair = GENERATE(values<std::pair<std::string, std::string>>({
      {"10.0.0.1:80", "10.0.0.1:80"},
      {"10.0.0.1:80", "10.0.0.1:080"},
      {"10.0.0.1:80", "[::ffff:10.0.0.1]:80"},
      {"[fd00::1]:80", "[FD00:0:0::0:1]:80"},
      {"app.internal:80", "APP.Internal:80"},
      {"app.internal:80", "app.internal.:80"},
      {"unix:/run/app.sock", "unix:/run/app.sock"},
      {"unix:/etc/halfdoor/app.sock", "unix:app.sock"},
  }));
  const std::string text = kName + "primary.servers = [\"10.0.0.9:80\", \"" + pair.first +
                           "\"]\nbackup.servers = [\n\"" + pair.second + "\"]\n";
  check_problem({service(text), 7, "which is also a server of the primary (line 5)"});
}

TEST_CASE("a server twice on one side is refused, on another port or in another service it is not") {
  check_problem(
      {service(kName + "primary.servers = [\"a:80\",\n\"A:80\"]\nbackup.servers = [\"b:80\"]\n"), 6, "twice (line 5)"});
  CHECK(valid(service(kName + "primary.servers = [\"a:80\", \"a:81\"]\nbackup.servers = [\"a:82\"]\n")));
  CHECK(valid(service(kName + kServers + "hosts = [\"x.example\"]\n[[service]]\nname = \"b\"\n" + kServers)));
}

TEST_CASE("a server at an address where halfdoor listens is refused: it would answer itself") {
  check_problem({"[[listen]]\naddress = \"10.0.0.1:80\"\n" + kName + kServers, 5, "halfdoor itself listens (line 2)"});
}

TEST_CASE("says how to write a server that is not one") {
  const auto pair = GENERATE(values<std::pair<std::string, std::string>>({
      {"10.0.0.9", "the port is missing, write \\\"10.0.0.9:80\\\""},
      {"app.internal", "the port is missing"},
      {"http://app:80", "without http://"},
      {"app:", "port from 1 to 65535"},
      {"app:0", "port from 1 to 65535"},
      {"app:65536", "port from 1 to 65535"},
      {"app:http", "port from 1 to 65535"},
      {"10.0.0.300:80", "not an IPv4 address"},
      {"10.0.1:80", "not an IPv4 address"},
      {"fd00::10:80", "in brackets"},
      {"[fd00::xx]:80", "in brackets"},
      {"app_\xc3\xa4:80", "xn-- form"},
      {"a..b:80", "two dots"},
      {"a b:80", "letters, digits, - and . only"},
      {"a/b:80", "letters, digits, - and . only"},
      {":80", "the name is missing"},
      {"unix:", "needs an absolute path"},
  }));
  std::string words = pair.second;
  std::erase(words, '\\');
  check_problem(
      {service(kName + "primary.servers = [\"10.0.0.1:80\", \"" + pair.first + "\"]\nbackup.servers = [\"b:80\"]\n"), 5,
       words});
}

TEST_CASE("says how to write a host that is not one") {
  const auto pair = GENERATE(values<std::pair<std::string, std::string>>({
      {"www.salon.example.", "write \"www.salon.example\""},
      {"www.salon.example:80", "leave the port out, write \"www.salon.example\""},
      {"http://www.salon.example", "without http://"},
      {"www.salon.example/app", "without a path"},
      {"www.*.example", "only be the first label"},
      {"*salon.example", "only be the first label"},
      {"*.*.example", "only be the first label"},
      {"*", "leave hosts out"},
      {"*.", "leave out the dot"},
      {"m\xc3\xbcller.example", "xn-- form"},
      {"a..example", "two dots"},
      {".example", "two dots follow each other, or a dot is at the beginning"},
      {"a b", "letters, digits, - and . only"},
      {"::1", "in brackets"},
      {"[::1]:80", "without a port"},
      {"[::x]", "IPv6 address as [::1]"},
      {"[10.0.0.1]", "IPv6 address as [::1]"},
      {"10.0.0.256", "not an IPv4 address"},
  }));
  check_problem({service(kName + kServers + "hosts = [\n\"" + pair.first + "\"]\n"), 8, pair.second});
  const std::string long_label(64, 'a');
  check_problem({service(kName + kServers + "hosts = [\"" + long_label + ".example\"]\n"), 7, "at most 63"});
}

TEST_CASE("hosts belong to one service, and one service at most does without") {
  const std::string second = "[[service]]\nname = \"b\"\n" + kServers;
  const std::string first = kName + kServers;
  check_problem({service(first + "hosts = [\"a.example\"]\n" + second + "hosts = [\n\"A.example\"]\n"), 13,
                 "which line 7 has already"});
  check_problem({service(first + "hosts = [\"*.a.example\", \"*.A.example\"]\n"), 7, "which line 7 has already"});
  check_problem({service(first + second), 7, "neither has the one in line 3"});
  check_problem({service(first + "hosts = []\n"), 7, "is empty"});
  check_problem({service(first + "hosts = [\"a.example\"]\n[[service]]\nname = \"salon\"\n" + kServers), 9,
                 "\"salon\" is taken by the service in line 4"});
}

TEST_CASE("names what is wrong with the tables of a service") {
  const auto expected = GENERATE(values<Expected>({
      {"[service.health]\nhost = 1\n", 8, "\"service.health.host\" is not a known key"},
      {"[service.failover]\ndrain = \"2d\"\n", 8, "\"0ms\" to \"1d\""},
      {"[service.failover]\nread_fallback = \"yes\"\n", 8, "true or false"},
      {"[service.failover]\nread_fallback_after = \"0s\"\n", 8, "\"1ms\" to \"1h\""},
      {"[service.failback]\ncaught_up = \"replication\"\n", 8, "begins with /"},
      {"[service.failback]\ncaught_up = \"/a b\"\n", 8, "no blanks"},
      {"[service.read_only]\nstatus = 405\n", 8, "must not be 405"},
      {"[service.read_only]\nstatus = 302\n", 8, "from 400 to 599"},
      {"[service.read_only]\nstatus = 200\n", 8, "from 400 to 599"},
      {"[service.read_only]\nstatus = 600\n", 8, "from 400 to 599"},
      {"[service.read_only]\nretry_after = \"500ms\"\n", 8, "\"1s\" to \"365d\""},
      {"[service.read_only]\ncontact = \"status.example\"\n", 8, "begins with https://"},
      {"[service.read_only]\ncontact = \"javascript:x\"\n", 8, "begins with https://"},
      {"[service.read_only]\ncontact = \"https://a/\\\"onclick=\"\n", 8, "begins with https://"},
      {"[service.read_only]\noverride_names = [\"a b\"]\n", 8, "name of a field or parameter"},
      {"[service.read_only]\nallow = [\n\"POST /a\",\n\"post /login\"]\n", 10, "write \"POST\""},
      {"[service.read_only]\nallow = [\"POST /\xc3\xa4\"]\n", 8, "can never match"},
      {"[service.read_only]\nallow = [\"POST /a./b\"]\n", 8, "can never match"},
      {"[service.read_only]\ndeny = [\"GET /a//b\"]\n", 8, "write one / in place of //"},
      {"[service.read_only]\ngraphql = [\"graphql\"]\n", 8, "write one path as clients send it"},
      {"[service.read_only]\ngraphql = [\"/graphql?a=b\"]\n", 8, "without *, escapes or parameters"},
      {"[service.read_only]\ngraphql = [\"/graphql?\"]\n", 8, "write one path"},
      {"[service.read_only]\ngraphql = [\"/*\"]\n", 8, "write one path"},
      {"[service.read_only]\ngraphql = [\"/a\", \"/api/**\"]\n", 8, "write one path"},
      {"[service.read_only]\ngraphql = [\"//graphql\"]\n", 8, "write one path"},
      {"[service.read_only]\ngraphql = [\"/%67raphql\"]\n", 8, "write one path"},
      {"[service.read_only]\ngraphql = [\"/graphql.\"]\n", 8, "write one path"},
      {"[service.read_only]\ngraphql = [\"/gr\xc3\xa4phql\"]\n", 8, "write one path"},
      {"[service.readonly]\nstatus = 503\n", 7, "did you mean \"read_only\"?"},
  }));
  check_problem({service(kName + kServers + expected.text), expected.line, expected.words});
}

TEST_CASE("names what is wrong with the checks of a service") {
  const auto expected = GENERATE(values<Expected>({
      {"path = \"healthz\"\n", 8, "begins with /"},
      {"interval = \"1ms\"\n", 8, "\"10ms\" to \"1h\""},
      {"fall = 0\n", 8, "from 1 to 100"},
      {"rise = 101\n", 8, "from 1 to 100"},
      {"expect = []\n", 8, "write at least one number"},
      {"expect = [200, 600]\n", 8, "from 200 to 599"},
      {"expect = 200\n", 8, "as in [200]"},
      {"expect_text = \"\"\n", 8, "expect_text"},
      {"port = -1\n", 8, "from 0 to 65535"},
      {"port = 65536\n", 8, "from 0 to 65535"},
  }));
  check_problem({service(kName + kServers + "[service.health]\n" + expected.text), expected.line, expected.words});
}

TEST_CASE("warns of the keys of a service that have no effect yet, and of rules that change nothing") {
  const auto expected = GENERATE(values<Expected>({
      {"[service.health]\nport = 1\n[[service]]\nname = \"b\"\nhosts = [\"b\"]\nprimary.servers = "
       "[\"unix:/x\"]\nbackup.servers = [\"10.1.0.1:1\"]\n[service.health]\nport = 1\n",
       15, "no effect on servers that are unix sockets"},
      {"[service.failback]\nautomatic = true\n", 8, "has no effect without failover.automatic"},
      {"[service.failover]\nautomatic = true\ncooldown = \"30s\"\n[service.failback]\nautomatic = true\n", 11,
       "move everybody to and fro"},
      {"[service.read_only]\nnotice_dir = \"/etc/x\"\n", 8, "no effect in this version yet"},
      {"[service.read_only]\nbanner = true\n", 8, "no effect in this version yet"},
      {"[service.read_only]\nallow = [\"GET /a\"]\n", 8, "GET passes anyway; leave it out"},
      {"[service.read_only]\nallow = [\"OPTIONS /a\"]\n", 8, "OPTIONS passes anyway; leave it out"},
      {"[service.read_only]\nallow = [\"TRACE /a\"]\n", 8, "TRACE is refused in every mode"},
      {"[service.read_only]\nallow = [\"POST /a\"]\ndeny = [\"POST /a\"]\n", 9, "deny beats allow"},
  }));
  check_warning({service(kName + kServers + expected.text), expected.line, expected.words});
}

TEST_CASE("says nothing about the keys of a service that work") {
  const LoadedConfig loaded = parse(service(
      kName + kServers +
      "[service.failover]\nautomatic = true\nafter = \"1s\"\ncooldown = \"1m\"\nread_fallback = "
      "false\nread_fallback_after = \"1s\"\ndrain = \"1s\"\n"
      "[service.failback]\nautomatic = true\nhealthy_for = \"1s\"\nminimum_stay = \"0s\"\ncaught_up = \"/x?y=z\"\n"
      "[service.read_only]\nallow = [\"POST /a\"]\ndeny = [\"GET /a\", \"DELETE /\xc3\xa4\"]\noverride_names = "
      "[\"_m[]\"]\n"
      "websocket = true\nstatus = 403\nretry_after = \"1s\"\ncontact = \"mailto:help@salon.example\"\n"));
  CHECK(loaded.problems.empty());
  CHECK(loaded.warnings.empty());
}

}  // namespace halfdoor
