#include <sched.h>

#include <filesystem>

#include "config_text.h"

namespace halfdoor {

TEST_CASE("what a file does not say has its default") {
  const std::shared_ptr<Config> config = valid(kListen + kService);
  CHECK(config->workers == 0);
  CHECK(config->state_dir == "/var/lib/halfdoor");
  CHECK(config->drain == Milliseconds(10'000));
  CHECK(config->fresh_mode == Mode::primary);
  CHECK(config->worker_stall == Milliseconds(5'000));
  CHECK(config->log_level == LogLevel::info);
  CHECK(config->access_log == "/var/log/halfdoor/access.log");
  CHECK(config->access_log_json);
  CHECK(config->control_socket == "/run/halfdoor/control.sock");
  CHECK(config->control_group.empty());
  CHECK_FALSE(config->admin_address);
  CHECK(config->admin_token_file.empty());
  CHECK(config->resolver_servers.empty());
  CHECK(config->listeners.at(0).trusted_proxies.empty());
}

TEST_CASE("the default limits and timeouts are those of the contract") {
  const std::shared_ptr<Config> config = valid(kListen + kService);
  const uint64_t kib = 1024, mib = kib * kib;
  const Limits limits{8 * kib,  32 * kib, 100,      64 * kib, 200, 1 * kib, 16 * kib, 16,
                      32 * kib, 16 * mib, 64 * kib, 10'000,   0,   0,       4'096};
  CHECK(config->limits == limits);
  using namespace std::chrono_literals;
  const Timeouts timeouts{10s, 30s, 30s, 60s, 30s, 3s, 60s, 60s, 1h, 4s, 1s, 1h, 1s};
  CHECK(config->timeouts == timeouts);
}

TEST_CASE("the defaults of a service are those of the contract") {
  const std::shared_ptr<Config> config = valid(kListen + kService);
  const ServiceConfig& service = config->services.at(0);
  using namespace std::chrono_literals;
  CHECK(service.hosts.empty());
  CHECK(service.health == HealthConfig{"/healthz", 1s, 500ms, 3, 2, {200}, "", 0});
  CHECK(service.failover == FailoverConfig{false, 3s, 10min, 10min, true, 2s, 10s});
  CHECK(service.failback == FailbackConfig{false, 30s, 1min, ""});
  CHECK(service.read_only == ReadOnlyConfig{{}, {}, {}, {}, false, 503, 2min, "", true, ""});
}

TEST_CASE("reads the plain tables") {
  const std::shared_ptr<Config> config = valid(
      "[server]\nworkers = 3\nstate_dir = \"/state\"\ndrain = \"3s\"\nfresh_mode = \"closed\"\nworker_stall = \"1s\"\n"
      "[log]\nlevel = \"warning\"\naccess = \"stdout\"\nformat = \"combined\"\n"
      "[control]\nsocket = \"/c.sock\"\ngroup = \"ops\"\n[admin]\naddress = \"[::1]:9900\"\ntoken_file = \"/t\"\n"
      "[resolver]\nservers = [\"10.0.0.53\", \"127.0.0.1:5353\", \"::1\", \"[::1]:54\", \"[fd00::1]\"]\n" +
      kListen + "trusted_proxies = [\"10.0.0.0/8\"]\n" + kService);
  CHECK(config->file == "/etc/halfdoor/halfdoor.toml");
  CHECK(config->workers == 3);
  CHECK(config->worker_count() == 3);
  CHECK(config->state_dir == "/state");
  CHECK(config->drain == Milliseconds(3'000));
  CHECK(config->fresh_mode == Mode::closed);
  CHECK(config->worker_stall == Milliseconds(1'000));
  CHECK(config->log_level == LogLevel::warning);
  CHECK(config->access_log == "stdout");
  CHECK_FALSE(config->access_log_json);
  CHECK(config->control_socket == "/c.sock");
  CHECK(config->control_group == "ops");
  CHECK(config->admin_address->text() == "[::1]:9900");
  CHECK(config->admin_token_file == "/t");
  std::vector<std::string> name_servers;
  for (const Address& server : config->resolver_servers) name_servers.push_back(server.text());
  CHECK(name_servers ==
        std::vector<std::string>{"10.0.0.53:53", "127.0.0.1:5353", "[::1]:53", "[::1]:54", "[fd00::1]:53"});
  const ListenConfig& listen = config->listeners.at(0);
  CHECK(listen.address.text() == "127.0.0.1:0");
  REQUIRE(listen.trusted_proxies.size() == 1);
  CHECK(listen.trusted_proxies[0].contains(Address::parse("10.1.2.3:0").value()));
}

TEST_CASE("fresh_mode takes every mode by its name") {
  const Mode mode = GENERATE(from_range(kModes.begin(), kModes.end()));
  CHECK(valid("[server]\nfresh_mode = \"" + std::string(to_text(mode)) + "\"\n" + kListen + kService)->fresh_mode ==
        mode);
}

// Each key gets a value of its own, so that no two can be mixed up.
TEST_CASE("every limit and timeout sets the member of its name") {
  const std::shared_ptr<Config> config = valid(
      "[limits]\nrequest_line = \"1001\"\nrequest_head = \"1002\"\nrequest_fields = 1003\nresponse_head = \"1004\"\n"
      "response_fields = 1005\nchunk_line = \"1006\"\nchunk_extensions = \"1007\"\ninterim_responses = 100\n"
      "buffer = \"5KiB\"\nrefused_body = \"1009\"\ninspect_body = \"1010\"\nrequests_per_connection = 1011\n"
      "connections = 1012\nconnections_per_client = 1013\nwrites_in_flight = 1014\nmemory = \"1015\"\n"
      "[timeouts]\nrequest_head = \"1ms\"\nrequest_body = \"2ms\"\nrefused_body = \"3ms\"\nkeep_alive = \"4ms\"\n"
      "client_write = \"5ms\"\nconnect = \"6ms\"\nfirst_byte = \"7ms\"\nresponse_body = \"8ms\"\nevent_stream = "
      "\"9ms\"\n"
      "pool_idle = \"10ms\"\npool_fresh = \"11ms\"\ntunnel_idle = \"12ms\"\nlinger = \"13ms\"\n" +
      kListen + kService);
  const Limits limits{1001, 1002, 1003, 1004, 1005, 1006, 1007, 100, 5120, 1009, 1010, 1011, 1012, 1013, 1014, 1015};
  CHECK(config->limits == limits);
  using Ms = Milliseconds;
  const Timeouts timeouts{Ms(1), Ms(2), Ms(3),  Ms(4),  Ms(5),  Ms(6), Ms(7),
                          Ms(8), Ms(9), Ms(10), Ms(11), Ms(12), Ms(13)};
  CHECK(config->timeouts == timeouts);
}

TEST_CASE("reads a service") {
  const std::shared_ptr<Config> config = valid(
      kListen +
      "[[service]]\nname = \"salon\"\nhosts = [\"WWW.salon.example\", \"*.Salon.example\", \"10.0.0.1\", \"[::1]\"]\n"
      "primary.servers = [\"10.0.0.10:8080\", \"App.internal:80\"]\nbackup.servers = [\"unix:/run/b.sock\"]\n"
      "[service.health]\npath = \"/up?x=1\"\ninterval = \"2s\"\ntimeout = \"1s\"\nfall = 4\nrise = 5\nexpect = [200, "
      "204]\nexpect_text = \"all is well\"\nport = 9000\n"
      "[service.failover]\nafter = \"4s\"\ncooldown = \"5m\"\nremind_after = \"2m\"\nread_fallback = "
      "false\nread_fallback_after = \"6s\"\n"
      "drain = \"7s\"\n[service.failback]\nhealthy_for = \"8s\"\nminimum_stay = \"9s\"\ncaught_up = \"/caught-up\"\n"
      "[service.read_only]\nallow = [\"POST /login\"]\ndeny = [\"GET /bookings/*/cancel\"]\ngraphql = [\"/graphql\"]\n"
      "override_names = [\"X-Verb\"]\nwebsocket = true\nstatus = 599\nretry_after = \"3m\"\nnotice_dir = \"/n\"\n"
      "banner = false\ncontact = \"https://status.salon.example\"\n");
  REQUIRE(config->services.size() == 1);
  const ServiceConfig& service = config->services[0];
  CHECK(service.name == "salon");
  CHECK(service.hosts == std::vector<std::string>{"www.salon.example", "*.salon.example", "10.0.0.1", "[::1]"});
  REQUIRE(service.side(Side::primary).servers.size() == 2);
  CHECK(service.side(Side::primary).servers[0].address->text() == "10.0.0.10:8080");
  CHECK(service.side(Side::primary).servers[1].name == "App.internal:80");
  CHECK_FALSE(service.side(Side::primary).servers[1].address);
  REQUIRE(service.side(Side::backup).servers.size() == 1);
  CHECK(service.side(Side::backup).servers[0].address->text() == "unix:/run/b.sock");
  using Ms = Milliseconds;
  CHECK(service.health == HealthConfig{"/up?x=1", Ms(2'000), Ms(1'000), 4, 5, {200, 204}, "all is well", 9000});
  CHECK(service.failover == FailoverConfig{false, Ms(4'000), Ms(300'000), Ms(120'000), false, Ms(6'000), Ms(7'000)});
  CHECK(service.failback == FailbackConfig{false, Ms(8'000), Ms(9'000), "/caught-up"});
  const ReadOnlyConfig rules{{Rule::parse("POST /login").value()},
                             {Rule::parse("GET /bookings/*/cancel").value()},
                             {"/graphql"},
                             {"X-Verb"},
                             true,
                             599,
                             Ms(180'000),
                             "/n",
                             false,
                             "https://status.salon.example"};
  CHECK(service.read_only == rules);
}

TEST_CASE("tables below a service belong to the service above them") {
  const std::shared_ptr<Config> config =
      valid(kListen + kService + "hosts = [\"a.example\"]\n[service.failover]\ndrain = \"1s\"\n" +
            "[[service]]\nname = \"b\"\nprimary.servers = [\"a:1\"]\nbackup.servers = [\"b:1\"]\n[service.failover]\n"
            "drain = \"2s\"\n");
  REQUIRE(config->services.size() == 2);
  CHECK(config->services[0].failover.drain == Milliseconds(1'000));
  CHECK(config->services[1].failover.drain == Milliseconds(2'000));
  CHECK(config->find_service("b") == &config->services[1]);
  CHECK(config->find_service("salon") == &config->services[0]);
  CHECK(config->find_service("c") == nullptr);
}

TEST_CASE("relative paths start at the folder of the file") {
  const std::string text =
      "[server]\nstate_dir = \"state\"\n[log]\naccess = \"logs/a.log\"\n[control]\nsocket = \"c.sock\"\n"
      "[admin]\naddress = \"127.0.0.1:0\"\ntoken_file = \"token\"\n[[listen]]\naddress = \"unix:h.sock\"\n" +
      kService + "[service.read_only]\nnotice_dir = \"notice\"\n";
  const std::shared_ptr<Config> config = valid(text);
  CHECK(config->state_dir == "/etc/halfdoor/state");
  CHECK(config->access_log == "/etc/halfdoor/logs/a.log");
  CHECK(config->control_socket == "/etc/halfdoor/c.sock");
  CHECK(config->admin_token_file == "/etc/halfdoor/token");
  CHECK(config->listeners[0].address.text() == "unix:/etc/halfdoor/h.sock");
  CHECK(config->services[0].read_only.notice_dir == "/etc/halfdoor/notice");
  // A file named without a folder is in the current one.
  CHECK(parse_config(text, "x.toml").config->state_dir == std::filesystem::current_path().string() + "/state");
  CHECK(parse_config(text, "/x.toml").config->state_dir == "/state");
}

TEST_CASE("one worker per CPU that the process may use") {
  Config config;
  cpu_set_t before, one;
  REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
  CHECK(config.worker_count() >= 1);
  CHECK(config.worker_count() <= CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
  CHECK(config.worker_count() == 1);
  REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
}

}  // namespace halfdoor
