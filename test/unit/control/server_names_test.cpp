// Servers that are given by name: who is asked for, what is published, what is said.
#include "control/server_names.h"

#include <catch2/catch.hpp>
#include <deque>

#include "fake_switch.h"

namespace halfdoor {

namespace {

using std::chrono::seconds;

// Name servers that answer when the test says so.
class FakeSource : public NameSource {
 public:
  struct Asked {
    std::string host;
    Done done;
  };
  void ask(const std::string& host, Done done) override { asked.push_back({host, std::move(done)}); }

  std::deque<Asked> asked;
};

NameAnswer answer_with(const std::vector<std::string>& hosts, seconds ttl = seconds(60)) {
  NameAnswer answer;
  answer.ttl = ttl;
  answer.ipv4.kind = hosts.empty() ? FamilyAnswer::Kind::failed : FamilyAnswer::Kind::addresses;
  answer.ipv6.kind = hosts.empty() ? FamilyAnswer::Kind::failed : FamilyAnswer::Kind::none;
  answer.ipv4.error = answer.ipv6.error = "timeout";
  for (const std::string& host : hosts) answer.ipv4.addresses.push_back(*Address::parse(host + ":0"));
  return answer;
}

// A service per pair of primary and backup servers.
class Fixture {
 public:
  using Pair = std::pair<std::vector<std::string>, std::vector<std::string>>;

  explicit Fixture(const std::vector<Pair>& services) : config(std::make_shared<Config>()) {
    for (const auto& [primary, backup] : services) {
      ServiceConfig service;
      service.name = "s" + std::to_string(config->services.size());
      for (const Side side : kSides) {
        for (const std::string& name : side == Side::primary ? primary : backup) {
          const Result<Address> literal = Address::parse(name);
          service.sides[index_of(side)].servers.push_back({name, literal ? std::optional(*literal) : std::nullopt});
        }
      }
      config->services.push_back(service);
    }
    ServerNamesOptions options;
    options.config = config;
    options.now = [this] { return now; };
    options.wall_now = [] { return WallTime() + std::chrono::hours(500'000); };
    options.log = [this](LogLevel level, const std::string& line) { log.emplace_back(level, line); };
    options.on_changed = [this](const std::vector<size_t>& others) {
      ++publications;
      changed.insert(changed.end(), others.begin(), others.end());
    };
    names = std::make_unique<ServerNames>(std::move(options), source);
    names->on_time();
  }
  // The oldest question for this host gets this answer.
  void answer(const std::string& host, const NameAnswer& given) {
    const auto found = std::find_if(source.asked.begin(), source.asked.end(),
                                    [&](const FakeSource::Asked& asked) { return asked.host == host; });
    REQUIRE(found != source.asked.end());
    const auto done = found->done;
    source.asked.erase(found);
    done(given);
    if (!gathers) names->on_time();
  }
  void pass(seconds span) {
    now += span;
    names->on_time();
  }
  std::vector<std::string> addresses(size_t service = 0, Side side = Side::primary, size_t server = 0) const {
    std::vector<std::string> texts;
    for (const Address& address : names->addresses()->of(service, side, server)) texts.push_back(address.text());
    return texts;
  }
  bool has_logged(LogLevel level, const std::string& text) const {
    return std::any_of(log.begin(), log.end(), [&](const auto& line) {
      return line.first == level && line.second.find(text) != std::string::npos;
    });
  }

  std::shared_ptr<Config> config;
  SteadyTime now = SteadyTime() + std::chrono::hours(1);
  FakeSource source;
  std::vector<std::pair<LogLevel, std::string>> log;
  std::vector<size_t> changed;
  int publications = 0;
  bool gathers = false;  // answers come together
  std::unique_ptr<ServerNames> names;
};

using Texts = std::vector<std::string>;
const ServerId kPrimary{0, Side::primary, 0};
const ServerId kBackup{0, Side::backup, 0};

}  // namespace

TEST_CASE("literal_addresses_and_unix_sockets_never_touch_the_resolver") {
  Fixture fixture({{{"10.0.0.10:8080", "unix:/run/app.sock"}, {"[fd00::1]:80"}}});
  CHECK(fixture.source.asked.empty());
  CHECK_FALSE(fixture.names->is_starting());
  CHECK_FALSE(fixture.names->next_deadline());
  CHECK(fixture.addresses() == Texts{"10.0.0.10:8080"});
  CHECK(fixture.addresses(0, Side::primary, 1) == Texts{"unix:/run/app.sock"});
  CHECK(fixture.names->name_of(kPrimary) == nullptr);
  fixture.names->on_trouble(kPrimary);
  CHECK(fixture.names->warnings().empty());
}

TEST_CASE("a_name_is_asked_for_once_for_all_its_servers_and_each_has_its_port") {
  Fixture fixture(
      {{{"app.internal:8080", "App.Internal:8081"}, {"b.internal:80"}}, {{"app.internal:90"}, {"10.9.0.1:1"}}});
  CHECK(fixture.source.asked.size() == 2);
  fixture.answer("b.internal", answer_with({"10.9.0.9"}));
  CHECK(fixture.names->is_starting());
  fixture.answer("app.internal", answer_with({"10.0.0.1", "10.0.0.2"}));
  CHECK_FALSE(fixture.names->is_starting());
  CHECK(fixture.addresses(0, Side::primary, 0) == Texts{"10.0.0.1:8080", "10.0.0.2:8080"});
  CHECK(fixture.addresses(0, Side::primary, 1) == Texts{"10.0.0.1:8081", "10.0.0.2:8081"});
  CHECK(fixture.addresses(1) == Texts{"10.0.0.1:90", "10.0.0.2:90"});
  CHECK(fixture.changed == std::vector<size_t>{0, 1});
  CHECK(fixture.has_logged(LogLevel::info, "s1 primary app.internal:90 is 10.0.0.1:90, 10.0.0.2:90"));
}

TEST_CASE("another_answer_is_published_and_told_the_same_one_is_not") {
  Fixture fixture({{{"app.internal:80"}, {"10.9.0.1:80"}}});
  fixture.answer("app.internal", answer_with({"10.0.0.10"}, seconds(5)));
  const auto before = fixture.names->addresses();
  CHECK(fixture.names->next_deadline() == fixture.now + seconds(5));
  fixture.pass(seconds(5));
  fixture.answer("app.internal", answer_with({"10.0.0.10"}, seconds(5)));
  CHECK(fixture.names->addresses() == before);
  fixture.pass(seconds(5));
  fixture.answer("app.internal", answer_with({"10.0.0.11"}, seconds(5)));
  CHECK(fixture.changed == std::vector<size_t>{0, 0});
  CHECK(fixture.addresses() == Texts{"10.0.0.11:80"});
  CHECK(before->of(0, Side::primary, 0).at(0).text() == "10.0.0.10:80");
  CHECK(fixture.has_logged(LogLevel::warning, "s0 primary app.internal:80: 10.0.0.10:80 -> 10.0.0.11:80"));
}

TEST_CASE("what_cannot_be_resolved_is_said_once_and_keeps_the_last_good_answer") {
  Fixture fixture({{{"app.internal:80"}, {"10.9.0.1:80"}}});
  fixture.answer("app.internal", answer_with({"10.0.0.10"}, seconds(5)));
  fixture.pass(seconds(5));
  fixture.answer("app.internal", answer_with({}));
  const size_t lines = fixture.log.size();
  for (int i = 0; i < 5; ++i) {
    fixture.pass(seconds(30));
    fixture.answer("app.internal", answer_with({}));
  }
  CHECK(fixture.log.size() == lines);
  CHECK(
      fixture.has_logged(LogLevel::warning, "app.internal cannot be resolved: timeout; its last good answer is kept"));
  CHECK(fixture.addresses() == Texts{"10.0.0.10:80"});
  CHECK(fixture.changed.size() == 1);
  CHECK(fixture.names->warnings() ==
        Texts{"s0 primary app.internal:80 cannot be resolved: timeout, the last good answer is kept"});
  fixture.pass(seconds(30));
  fixture.answer("app.internal", answer_with({"10.0.0.10"}));
  CHECK(fixture.names->warnings().empty());
  CHECK(fixture.has_logged(LogLevel::info, "app.internal is resolved again"));
}

TEST_CASE("a_name_that_was_never_resolved_is_an_error_and_has_no_address") {
  Fixture fixture({{{"app.internal:80"}, {"10.9.0.1:80"}}});
  CHECK(fixture.names->warnings() == Texts{"s0 primary app.internal:80 is not resolved yet"});
  fixture.answer("app.internal", answer_with({}));
  CHECK_FALSE(fixture.names->is_starting());
  CHECK(fixture.addresses().empty());
  CHECK(fixture.changed.empty());
  CHECK(fixture.has_logged(LogLevel::error, "its servers count as failing to connect"));
  CHECK(fixture.names->trouble_of(kPrimary) == "cannot be resolved: timeout");
  fixture.pass(seconds(1));
  fixture.answer("app.internal", answer_with({"10.0.0.10"}));
  CHECK(fixture.addresses() == Texts{"10.0.0.10:80"});
  CHECK(fixture.names->trouble_of(kPrimary).empty());
}

TEST_CASE("which_side_an_address_belongs_to_does_not_depend_on_the_order_of_the_first_answers") {
  const bool primary_first = GENERATE(true, false);
  Fixture fixture({{{"a.internal:80"}, {"b.internal:80"}}});
  for (const char* host : {primary_first ? "a.internal" : "b.internal", primary_first ? "b.internal" : "a.internal"}) {
    CHECK(fixture.addresses().empty());
    CHECK(fixture.addresses(0, Side::backup).empty());
    fixture.answer(host, answer_with({"10.0.0.1"}, seconds(5)));
  }
  CHECK(fixture.addresses().empty());
  CHECK(fixture.addresses(0, Side::backup) == Texts{"10.0.0.1:80"});
  CHECK(fixture.has_logged(LogLevel::error, "s0 primary a.internal:80 leads to an address of the backup"));
  CHECK(fixture.names->trouble_of(kPrimary) == "leads to an address of the backup, which is not used for it");
  CHECK(fixture.names->trouble_of(kBackup).empty());
  fixture.pass(seconds(5));
  fixture.answer("a.internal", answer_with({"10.0.0.2"}));
  CHECK(fixture.addresses() == Texts{"10.0.0.2:80"});
  CHECK(fixture.names->warnings().empty());
}

TEST_CASE("a_name_that_moves_to_the_other_side_while_serving_keeps_its_last_good_answer") {
  Fixture fixture({{{"a.internal:80"}, {"b.internal:80"}}});
  fixture.answer("a.internal", answer_with({"10.0.0.1"}, seconds(5)));
  fixture.answer("b.internal", answer_with({"10.9.0.1"}, seconds(5)));
  fixture.pass(seconds(5));
  fixture.answer("a.internal", answer_with({"10.9.0.1"}, seconds(5)));
  CHECK(fixture.addresses() == Texts{"10.0.0.1:80"});
  CHECK(fixture.addresses(0, Side::backup) == Texts{"10.9.0.1:80"});
  CHECK(fixture.names->warnings().size() == 1);
  CHECK(fixture.changed.size() == 1);
  // Another port is another server: the same machine may run both.
  Fixture ports({{{"a.internal:80"}, {"b.internal:81"}}});
  ports.answer("a.internal", answer_with({"10.0.0.1"}));
  ports.answer("b.internal", answer_with({"10.0.0.1"}));
  CHECK(ports.addresses() == Texts{"10.0.0.1:80"});
  CHECK(ports.addresses(0, Side::backup) == Texts{"10.0.0.1:81"});
}

TEST_CASE("the_end_of_the_start_settles_what_has_come") {
  Fixture fixture({{{"a.internal:80"}, {"b.internal:80"}}});
  fixture.answer("a.internal", answer_with({"10.0.0.1"}));
  fixture.names->end_start();
  CHECK(fixture.addresses() == Texts{"10.0.0.1:80"});
  fixture.answer("b.internal", answer_with({"10.9.0.1"}));
  CHECK(fixture.addresses(0, Side::backup) == Texts{"10.9.0.1:80"});
}

TEST_CASE("a_name_server_is_not_flooded") {
  std::vector<Fixture::Pair> services;
  for (int i = 0; i < 200; ++i) services.push_back({{"a" + std::to_string(i) + ".internal:80"}, {"10.9.0.1:80"}});
  Fixture fixture(services);
  CHECK(fixture.source.asked.size() == 64);
  CHECK_FALSE(fixture.names->next_deadline());
  for (int i = 0; i < 200; ++i) {
    fixture.answer("a" + std::to_string(i) + ".internal", answer_with({"10.0.0.1"}));
    CHECK(fixture.source.asked.size() <= 64);
    fixture.names->on_time();
  }
  CHECK_FALSE(fixture.names->is_starting());
  CHECK(fixture.addresses(199) == Texts{"10.0.0.1:80"});
}

TEST_CASE("answers_that_come_together_are_one_change") {
  std::vector<Fixture::Pair> services;
  for (int i = 0; i < 20; ++i) services.push_back({{"shared.internal:80"}, {"b" + std::to_string(i) + ".internal:80"}});
  Fixture fixture(services);
  const auto answer_all = [&](const std::string& net) {
    fixture.answer("shared.internal", answer_with({net + ".0.1"}));
    for (int i = 0; i < 20; ++i) {
      fixture.answer("b" + std::to_string(i) + ".internal", answer_with({net + ".9.1"}));
    }
  };
  answer_all("10.0");
  CHECK(fixture.publications == 1);
  CHECK(fixture.changed.size() == 20);
  fixture.pass(seconds(60));
  fixture.gathers = true;
  answer_all("10.1");
  CHECK(fixture.publications == 1);
  REQUIRE(fixture.names->next_deadline());
  CHECK(*fixture.names->next_deadline() <= fixture.now);
  fixture.names->on_time();
  CHECK(fixture.publications == 2);
  CHECK(fixture.changed.size() == 40);
  CHECK(fixture.addresses(19) == Texts{"10.1.0.1:80"});
  CHECK(fixture.addresses(19, Side::backup) == Texts{"10.1.9.1:80"});
}

TEST_CASE("trouble_at_a_server_has_its_name_asked_for_again") {
  Fixture fixture({{{"app.internal:80"}, {"10.9.0.1:80"}}});
  fixture.answer("app.internal", answer_with({"10.0.0.10"}, seconds(300)));
  fixture.pass(seconds(2));
  CHECK(fixture.source.asked.empty());
  fixture.names->on_trouble(kPrimary);
  fixture.names->on_time();
  CHECK(fixture.source.asked.size() == 1);
  fixture.answer("app.internal", answer_with({"10.0.0.11"}, seconds(300)));
  fixture.names->on_trouble(kPrimary);
  fixture.names->on_time();
  CHECK(fixture.source.asked.empty());
  fixture.pass(seconds(1));
  CHECK(fixture.source.asked.size() == 1);
}

TEST_CASE("addresses_are_published_beside_a_change_of_mode_that_waits") {
  FakeSwitch fake;
  const size_t change = fake.ask(Verb::failover);
  auto addresses = std::make_shared<ServerAddresses>(*fake.config);
  addresses->set(0, Side::primary, 0, {*Address::parse("10.0.0.11:80")});
  fake.coordinator->use_addresses(addresses);
  REQUIRE(fake.published.size() == 1);
  CHECK(fake.published[0]->addresses == addresses);
  CHECK(fake.published_mode() == Mode::primary);
  fake.apply_all();
  CHECK_FALSE(fake.answered(change));
  fake.sync();
  CHECK(fake.published_mode() == Mode::backup_readonly);
  CHECK(fake.published.back()->addresses == addresses);
  CHECK(fake.published.back()->generation == 3);
  fake.apply(0);
  fake.fence_all();
  // While a worker owes its acknowledgement, other addresses count as nothing.
  fake.coordinator->use_addresses(std::make_shared<ServerAddresses>(*addresses));
  CHECK_FALSE(fake.answered(change));
  fake.apply(1);
  CHECK(fake.answer(change).kind == Kind::done);
  CHECK(fake.answer(change).generation == 3);
}

}  // namespace halfdoor
