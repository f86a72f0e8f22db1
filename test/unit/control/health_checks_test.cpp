// When checks are made and what follows from them, with a prober and a clock that the test moves.
#include "control/health_checks.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>

#include "base/log.h"

namespace halfdoor {

namespace {

using Ms = Milliseconds;
using Verdict = ProbeResult::Verdict;

constexpr ServerId kPrimary{0, Side::primary, 0};
constexpr ServerId kSecond{0, Side::primary, 1};
constexpr ServerId kBackup{0, Side::backup, 0};

ServerConfig server_at(const std::string& name) {
  const Result<Address> address = Address::parse(name);
  return {name, address ? std::optional(*address) : std::nullopt};
}

// Two servers of the primary, one of the backup.
Config salon_config() {
  Config config;
  ServiceConfig& service = config.services.emplace_back();
  service.name = "salon";
  service.hosts = {"*.salon.example", "www.salon.example"};
  service.sides[0].servers = {server_at("10.0.0.10:8080"), server_at("10.0.0.11:8080")};
  service.sides[1].servers = {server_at("10.9.0.10:8080")};
  return config;
}

class FakeHosts : public HealthEnvironment, public HealthProber {
 public:
  struct Asked {
    ProbeTarget target;
    std::function<void(const ProbeResult&)> done;
  };

  explicit FakeHosts(Config made = salon_config()) : config(std::move(made)), board(config) {
    for (size_t i = 0; i < config.services.size(); ++i) {
      for (const Side side : kSides) {
        for (size_t k = 0; k < config.services[i].side(side).servers.size(); ++k) {
          const ServerId id{static_cast<uint16_t>(i), side, static_cast<uint16_t>(k)};
          const std::optional<Address>& address = config.services[i].side(side).servers[k].address;
          if (address) addresses[key(id)] = {*address};
        }
      }
    }
    checks = std::make_unique<HealthChecks>(*this, *this, config, board);
  }

  // Begins what is due now; what had been begun and not answered stays in `asked`.
  void begin_due() {
    while (checks->next_deadline() && *checks->next_deadline() <= time) checks->on_time();
  }
  // Lets time pass; every check is answered at once by what `says` has for its address, "200" where it has nothing.
  void pass(Ms span) {
    const SteadyTime end = time + span;
    while (true) {
      begin_due();
      while (!asked.empty()) answer();
      const auto next = checks->next_deadline();
      if (!next || *next > end) break;
      time = std::max(time, *next);
    }
    time = end;
  }
  void answer() {
    const Asked first = std::move(asked.front());
    asked.pop_front();
    ++answered[first.target.address->text()];
    const auto found = says.find(first.target.address->text());
    first.done(found != says.end() ? found->second : ProbeResult{Verdict::passed, "200"});
  }
  void set(const std::string& address, Verdict verdict, const std::string& text = "503") {
    says[address] = {verdict, text};
  }
  std::string healths() const {
    std::string text;
    for (const ServerId id : {kPrimary, kSecond, kBackup}) {
      CHECK(board.at(id).health() == checks->server(id).health);
      text += std::string(to_text(checks->server(id).health)) + " ";
    }
    return text;
  }
  static std::string key(ServerId id) {
    return std::to_string(id.service) + std::string(to_text(id.side)) + std::to_string(id.server);
  }
  int64_t ms() const { return std::chrono::duration_cast<Ms>(time.time_since_epoch()).count(); }

  // HealthEnvironment
  SteadyTime now() override { return time; }
  WallTime wall_now() override { return WallTime{} + std::chrono::duration_cast<Ms>(time.time_since_epoch()); }
  const AddressList& server_addresses(ServerId id) override { return addresses[key(id)]; }
  void on_check_failed(ServerId id) override { ++failures[key(id)]; }
  void on_server_health(ServerId id) override { changed.push_back(key(id)); }
  void on_side_health(size_t service) override { ++side_changes[service]; }
  // HealthProber
  void begin(const ProbeTarget& target, std::function<void(const ProbeResult&)> done) override {
    asked.push_back({target, std::move(done)});
  }

  Config config;
  HealthBoard board;
  SteadyTime time = SteadyTime{} + std::chrono::hours(5);
  std::map<std::string, AddressList> addresses;
  std::map<std::string, ProbeResult> says;
  std::map<std::string, int> answered;
  std::deque<Asked> asked;
  std::vector<std::string> changed;
  std::map<size_t, int> side_changes;
  std::map<std::string, int> failures;
  std::unique_ptr<HealthChecks> checks;
};

}  // namespace

TEST_CASE("every_server_of_both_sides_is_checked_at_once_and_nothing_is_known_before") {
  FakeHosts hosts;
  CHECK(hosts.healths() == "unknown unknown unknown ");
  CHECK_FALSE(hosts.checks->side(0, Side::primary).healthy);
  CHECK(hosts.checks->next_deadline() == hosts.time);
  hosts.begin_due();
  REQUIRE(hosts.asked.size() == 3);
  CHECK(hosts.asked[0].target.address->text() == "10.0.0.10:8080");
  // The first name of the service that is one.
  CHECK(hosts.asked[0].target.host == "www.salon.example");
  CHECK(hosts.asked[0].target.rules == &hosts.config.services[0].health);
  hosts.pass(Ms(0));
  CHECK(hosts.healths() == "healthy healthy healthy ");
  CHECK(hosts.checks->side(0, Side::primary).healthy == true);
  CHECK(hosts.checks->side(0, Side::backup).healthy == true);
  CHECK(hosts.changed == std::vector<std::string>{"0primary0", "0primary1", "0backup0"});
}

TEST_CASE("steady_servers_are_checked_once_per_interval_and_their_load_is_spread") {
  FakeHosts hosts;
  hosts.pass(Ms(20'000));
  for (const auto& [address, times] : hosts.answered) {
    CAPTURE(address);
    CHECK(times >= 20);
    CHECK(times <= 22);
  }
  CHECK(hosts.answered.size() == 3);
  // Not in step any more.
  hosts.begin_due();
  CHECK(hosts.asked.size() <= 1);
}

TEST_CASE("a_side_is_down_when_all_its_servers_are_and_the_newest_failure_is_its_detail") {
  FakeHosts hosts;
  hosts.pass(Ms(5'000));
  hosts.side_changes.clear();
  hosts.set("10.0.0.10:8080", Verdict::failed, "connection refused");
  hosts.pass(Ms(3'000));
  CHECK(hosts.healths() == "unhealthy healthy healthy ");
  CHECK(hosts.checks->side(0, Side::primary).healthy == true);
  CHECK(hosts.checks->side(0, Side::primary).detail.empty());
  CHECK(hosts.side_changes.empty());
  hosts.set("10.0.0.11:8080", Verdict::failed, "503");
  const SteadyTime before = hosts.time;
  hosts.pass(Ms(3'000));
  CHECK(hosts.healths() == "unhealthy unhealthy healthy ");
  const SideHealth down = hosts.checks->side(0, Side::primary);
  CHECK(down.healthy == false);
  CHECK(down.since > before);
  CHECK((down.detail == "10.0.0.10:8080: connection refused" || down.detail == "10.0.0.11:8080: 503"));
  CHECK(hosts.side_changes == std::map<size_t, int>{{0, 1}});
  CHECK(hosts.checks->side(0, Side::backup).healthy == true);

  hosts.says.erase("10.0.0.10:8080");
  hosts.pass(Ms(3'000));
  CHECK(hosts.healths() == "healthy unhealthy healthy ");
  CHECK(hosts.checks->side(0, Side::primary).healthy == true);
  CHECK(hosts.checks->side(0, Side::primary).detail.empty());
  CHECK(hosts.side_changes == std::map<size_t, int>{{0, 2}});
}

TEST_CASE("a_side_of_which_one_server_is_not_checked_yet_is_not_known_to_be_down") {
  FakeHosts hosts;
  hosts.begin_due();
  hosts.set("10.0.0.10:8080", Verdict::failed, "connection refused");
  hosts.answer();
  CHECK(hosts.healths() == "unhealthy unknown unknown ");
  CHECK_FALSE(hosts.checks->side(0, Side::primary).healthy);
  CHECK(hosts.checks->side(0, Side::primary).detail == "10.0.0.10:8080: connection refused");
  CHECK(hosts.side_changes.empty());
  hosts.answer();
  CHECK(hosts.checks->side(0, Side::primary).healthy == true);
  CHECK(hosts.side_changes == std::map<size_t, int>{{0, 1}});
}

TEST_CASE("the_board_of_the_workers_has_what_they_judge_by") {
  FakeHosts hosts;
  const ServerHealth& primary = hosts.board.at(kPrimary);
  CHECK_FALSE(primary.is_check_late_or_failed(hosts.ms()));
  hosts.pass(Ms(5'000));
  CHECK(primary.health() == Health::healthy);
  CHECK(primary.recovered_ms() == ServerHealth::kNever);
  CHECK_FALSE(primary.is_check_late_or_failed(hosts.ms()));
  // One failed check decides nothing yet, but is known.
  hosts.set("10.0.0.10:8080", Verdict::failed);
  while (hosts.checks->server(kPrimary).failed == 0) hosts.pass(Ms(10));
  CHECK(primary.health() == Health::healthy);
  CHECK(primary.is_check_late_or_failed(hosts.ms()));
  hosts.pass(Ms(3'000));
  CHECK(primary.health() == Health::unhealthy);
  hosts.says.clear();
  const int64_t before = hosts.ms();
  hosts.pass(Ms(3'000));
  CHECK(primary.health() == Health::healthy);
  CHECK(primary.recovered_ms() >= before);
  CHECK_FALSE(primary.is_check_late_or_failed(hosts.ms()));
  // No answer comes any more: late after interval and timeout.
  hosts.time += Ms(2'600);
  CHECK(primary.is_check_late_or_failed(hosts.ms()));
}

TEST_CASE("suspicion_of_live_traffic_brings_the_check_of_that_server_forward_and_nothing_else") {
  FakeHosts hosts;
  hosts.pass(Ms(5'000));
  while (!hosts.checks->next_deadline() || *hosts.checks->next_deadline() < hosts.time + Ms(150)) hosts.pass(Ms(10));
  // Nothing is due for a while; now the backup's turn comes at once.
  const int before = hosts.answered["10.9.0.10:8080"];
  CHECK(hosts.board.at(kBackup).suspect());
  CHECK_FALSE(hosts.board.at(kBackup).suspect());
  hosts.checks->suspect(kBackup);
  hosts.pass(Ms(100));
  CHECK(hosts.answered["10.9.0.10:8080"] == before + 1);
  // A check has begun since: whoever meets the next error may say so.
  CHECK(hosts.board.at(kBackup).suspect());
  for (int i = 0; i < 1'000; ++i) {
    hosts.checks->suspect(kBackup);
    hosts.pass(Ms(1));
  }
  CHECK(hosts.answered["10.9.0.10:8080"] <= before + 12);
  CHECK(hosts.healths() == "healthy healthy healthy ");
}

TEST_CASE("a_check_in_flight_is_not_doubled_by_suspicion") {
  FakeHosts hosts;
  hosts.begin_due();
  REQUIRE(hosts.asked.size() == 3);
  hosts.checks->suspect(kBackup);
  hosts.time += Ms(400);
  hosts.begin_due();
  CHECK(hosts.asked.size() == 3);
  CHECK(hosts.checks->in_flight() == 3);
}

TEST_CASE("what_says_nothing_about_the_server_does_not_count") {
  FakeHosts hosts;
  SECTION("no descriptor was left: however often") {
    hosts.set("10.0.0.10:8080", Verdict::not_made, "too many open files");
    hosts.pass(Ms(20'000));
    CHECK(hosts.healths() == "unknown healthy healthy ");
    CHECK(hosts.checks->server(kPrimary).failed == 0);
    CHECK(hosts.checks->server(kPrimary).repeated > 10);
    CHECK_FALSE(hosts.checks->server(kPrimary).latest);
  }
  SECTION("this process slept: the check is made again at once") {
    hosts.pass(Ms(5'000));
    for (const char* address : {"10.0.0.10:8080", "10.0.0.11:8080", "10.9.0.10:8080"}) {
      hosts.set(address, Verdict::slept, "no answer within 500ms");
    }
    // All are in flight when it falls asleep.
    hosts.time += Ms(1'000);
    hosts.begin_due();
    REQUIRE(hosts.asked.size() == 3);
    hosts.time += Ms(60'000);
    while (!hosts.asked.empty()) hosts.answer();
    CHECK(hosts.healths() == "healthy healthy healthy ");
    hosts.begin_due();
    CHECK(hosts.asked.size() == 3);
    hosts.says.clear();
    while (!hosts.asked.empty()) hosts.answer();
    CHECK(hosts.checks->server(kPrimary).failed == 0);
    CHECK(hosts.checks->server(kPrimary).repeated == 1);
  }
  SECTION("but not for ever: a process that is always late has to believe it in the end") {
    hosts.pass(Ms(5'000));
    hosts.set("10.0.0.10:8080", Verdict::slept, "no answer within 500ms");
    hosts.pass(Ms(20'000));
    CHECK(hosts.healths() == "unhealthy healthy healthy ");
  }
}

TEST_CASE("a_name_without_address_counts_as_down_once_there_was_time_to_look_it_up") {
  FakeHosts hosts;
  hosts.addresses["0backup0"].clear();
  const auto say_so = [&hosts] {
    hosts.begin_due();
    while (!hosts.asked.empty()) {
      const auto asked = std::move(hosts.asked.front());
      hosts.asked.pop_front();
      asked.done(asked.target.address ? ProbeResult{Verdict::passed, "200"}
                                      : ProbeResult{Verdict::no_address, "its name has no address"});
    }
  };
  for (int i = 0; i < 19; ++i) {
    say_so();
    hosts.time += Ms(250);
  }
  CHECK(hosts.healths() == "healthy healthy unknown ");
  hosts.time += Ms(1'000);
  say_so();
  CHECK(hosts.healths() == "healthy healthy unhealthy ");
  CHECK(hosts.checks->side(0, Side::backup).detail == "10.9.0.10:8080: its name has no address");
  // And it is found as soon as it is known.
  hosts.addresses["0backup0"] = {*Address::parse("10.9.0.77:8080")};
  hosts.pass(Ms(3'000));
  CHECK(hosts.healths() == "healthy healthy healthy ");
  CHECK(hosts.answered["10.9.0.77:8080"] >= 2);
}

TEST_CASE("a_server_is_healthy_while_it_answers_at_any_of_its_addresses") {
  FakeHosts hosts;
  hosts.addresses["0backup0"].push_back(*Address::parse("[2001:db8::10]:8080"));
  hosts.pass(Ms(5'000));
  CHECK(hosts.answered["[2001:db8::10]:8080"] == 0);
  hosts.set("10.9.0.10:8080", Verdict::failed, "connection refused");
  hosts.pass(Ms(5'000));
  CHECK(hosts.healths() == "healthy healthy healthy ");
  CHECK(hosts.checks->server(kBackup).failed == 1);
  CHECK(hosts.failures == std::map<std::string, int>{{"0backup0", 1}});
  hosts.set("[2001:db8::10]:8080", Verdict::failed, "connection refused");
  hosts.pass(Ms(5'000));
  CHECK(hosts.healths() == "healthy healthy unhealthy ");
  hosts.says.erase("10.9.0.10:8080");
  hosts.pass(Ms(5'000));
  CHECK(hosts.healths() == "healthy healthy healthy ");
}

TEST_CASE("checks_go_to_the_port_of_their_own_and_ask_for_the_host_that_clients_ask_for") {
  Config config = salon_config();
  config.services[0].health.port = 9000;
  config.services[0].hosts = {"*.salon.example"};
  config.services[0].sides[1].servers = {server_at("unix:/run/backup.sock")};
  FakeHosts hosts(config);
  hosts.begin_due();
  REQUIRE(hosts.asked.size() == 3);
  CHECK(hosts.asked[0].target.address->text() == "10.0.0.10:9000");
  CHECK(hosts.asked[0].target.host == "10.0.0.10:8080");
  CHECK(hosts.asked[2].target.address->text() == "unix:/run/backup.sock");
  CHECK(hosts.asked[2].target.host == "localhost");
}

TEST_CASE("thousands_of_servers_are_checked_a_few_at_a_time_and_all_get_their_turn") {
  Config config;
  for (int i = 0; i < 1'000; ++i) {
    ServiceConfig& service = config.services.emplace_back();
    service.name = "s" + std::to_string(i);
    service.sides[0].servers = {server_at("127.0.0.1:" + std::to_string(2 * i + 1))};
    service.sides[1].servers = {server_at("127.0.0.1:" + std::to_string(2 * i + 2))};
  }
  FakeHosts hosts(config);
  hosts.checks->on_time();
  CHECK(hosts.asked.size() <= 32);
  hosts.begin_due();
  CHECK(hosts.asked.size() == kMostChecksInFlight);
  CHECK_FALSE(hosts.checks->next_deadline());
  CHECK(hosts.checks->waiting() == 2'000 - kMostChecksInFlight);
  // One ends, one begins.
  hosts.answer();
  hosts.begin_due();
  CHECK(hosts.asked.size() == kMostChecksInFlight);
  hosts.pass(Ms(0));
  CHECK(hosts.answered.size() == 2'000);
  CHECK(hosts.checks->waiting() == 0);
  // Whoever hangs takes a place only.
  for (int i = 0; i < 200; ++i) hosts.begin_due();
  hosts.pass(Ms(10'000));
  for (const auto& [address, times] : hosts.answered) {
    if (times < 10) FAIL_CHECK(address << " was checked " << times << " times");
  }
}

TEST_CASE("what_operators_see_of_a_server_is_its_latest_check_that_counted") {
  FakeHosts hosts;
  hosts.begin_due();
  hosts.time += Ms(7);
  hosts.answer();
  const ServerChecks& server = hosts.checks->server(kPrimary);
  REQUIRE(server.latest);
  CHECK(server.latest->passed);
  CHECK(server.latest->took == Ms(7));
  CHECK(server.latest->text == "200");
  CHECK(server.latest->ended == hosts.wall_now());
  CHECK(server.since == hosts.wall_now());
  CHECK(server.passed == 1);
  const WallTime since = server.since;
  hosts.pass(Ms(5'000));
  CHECK(server.since == since);
  CHECK(server.latest->ended > since);
}

}  // namespace halfdoor
