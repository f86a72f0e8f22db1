// What an answer changes, what is kept, and when a name is asked for again.
#include "control/watched_name.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace halfdoor {

namespace {

using Kind = FamilyAnswer::Kind;
using std::chrono::seconds;

AddressList list_of(const std::vector<std::string>& hosts) {
  AddressList list;
  for (const std::string& host : hosts) {
    list.push_back(*Address::parse(host.find(':') == std::string::npos ? host + ":0" : "[" + host + "]:0"));
  }
  return list;
}

std::vector<std::string> hosts_of(const AddressList& list) {
  std::vector<std::string> hosts;
  for (const Address& address : list) hosts.push_back(address.host_text());
  return hosts;
}

FamilyAnswer family(const std::vector<std::string>& hosts) { return {Kind::addresses, list_of(hosts), ""}; }
FamilyAnswer none() { return {Kind::none, {}, "no such name"}; }
FamilyAnswer failed() { return {Kind::failed, {}, "timeout"}; }

NameAnswer answer_of(FamilyAnswer ipv4, FamilyAnswer ipv6, std::optional<seconds> ttl = seconds(60)) {
  return {std::move(ipv4), std::move(ipv6), ttl, false};
}

const SteadyTime kNow = SteadyTime() + std::chrono::hours(1);
const WallTime kWall = WallTime() + std::chrono::hours(500'000);

}  // namespace

TEST_CASE("both_families_count_and_the_one_with_a_route_comes_first") {
  NameAnswer answer = answer_of(family({"10.0.0.1", "10.0.0.2"}), family({"fd00::1"}));
  CHECK(hosts_of(*merge_answer({}, answer)) == std::vector<std::string>{"10.0.0.1", "10.0.0.2", "fd00::1"});
  answer.ipv6_first = true;
  CHECK(hosts_of(*merge_answer({}, answer)) == std::vector<std::string>{"fd00::1", "10.0.0.1", "10.0.0.2"});
  CHECK(hosts_of(*merge_answer({}, answer_of(none(), family({"fd00::1"})))) == std::vector<std::string>{"fd00::1"});
}

TEST_CASE("a_family_that_failed_keeps_its_addresses_one_that_has_none_loses_them") {
  const AddressList before = list_of({"10.0.0.1", "fd00::1"});
  CHECK(hosts_of(*merge_answer(before, answer_of(family({"10.0.0.2"}), failed()))) ==
        std::vector<std::string>{"fd00::1", "10.0.0.2"});
  CHECK(hosts_of(*merge_answer(before, answer_of(family({"10.0.0.2"}), none()))) ==
        std::vector<std::string>{"10.0.0.2"});
  CHECK(hosts_of(*merge_answer(before, answer_of(failed(), family({"fd00::2"})))) ==
        std::vector<std::string>{"10.0.0.1", "fd00::2"});
}

TEST_CASE("an_answer_without_addresses_says_nothing") {
  const AddressList before = list_of({"10.0.0.1"});
  CHECK_FALSE(merge_answer(before, answer_of(none(), none())));
  CHECK_FALSE(merge_answer(before, answer_of(none(), failed())));
  CHECK_FALSE(merge_answer(before, answer_of(failed(), failed())));
}

TEST_CASE("addresses_that_cannot_be_a_hosts_are_left_out") {
  const auto bad = GENERATE("0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255", "255.255.255.255");
  CHECK_FALSE(merge_answer({}, answer_of(family({bad}), none())));
  CHECK(hosts_of(*merge_answer({}, answer_of(family({bad, "10.0.0.1"}), none()))) ==
        std::vector<std::string>{"10.0.0.1"});
  CHECK_FALSE(merge_answer({}, answer_of(none(), family({"::", "ff02::1"}))));
  CHECK(merge_answer({}, answer_of(family({"127.0.0.1"}), family({"::1"})))->size() == 2);
}

TEST_CASE("the_same_addresses_in_another_order_are_no_change") {
  const AddressList before = list_of({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  CHECK(*merge_answer(before, answer_of(family({"10.0.0.3", "10.0.0.1", "10.0.0.2"}), none())) == before);
  CHECK(hosts_of(*merge_answer(before, answer_of(family({"10.0.0.9", "10.0.0.2"}), none()))) ==
        std::vector<std::string>{"10.0.0.2", "10.0.0.9"});
  CHECK(merge_answer({}, answer_of(family({"10.0.0.1", "10.0.0.1"}), none()))->size() == 1);
}

TEST_CASE("of_a_thousand_addresses_sixteen_are_kept_and_stay_the_same") {
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back(fmt::format("10.0.{}.{}", i / 250, i % 250 + 1));
  const AddressList first = *merge_answer({}, answer_of(family(many), none()));
  REQUIRE(first.size() == kMostAddressesOfName);
  std::rotate(many.begin(), many.begin() + 500, many.end());
  CHECK(*merge_answer(first, answer_of(family(many), none())) == first);
}

TEST_CASE("an_answer_counts_as_long_as_its_ttl_says_within_bounds") {
  struct Row {
    std::optional<seconds> ttl;
    Milliseconds pause;
  };
  const auto row = GENERATE(values<Row>({{seconds(0), kLeastTtl},
                                         {seconds(1), Milliseconds(1'000)},
                                         {seconds(60), Milliseconds(60'000)},
                                         {seconds(86'400), kMostTtl},
                                         {std::nullopt, kTtlOfHostsFile}}));
  WatchedName name("app.internal");
  CHECK(*name.due() <= kNow);
  name.begin(kNow);
  CHECK_FALSE(name.due());
  CHECK(name.end(answer_of(family({"10.0.0.1"}), none(), row.ttl), kNow, kWall));
  CHECK(*name.due() == kNow + row.pause);
  CHECK(name.resolved_at() == kWall);
  CHECK(name.error().empty());
  CHECK(name.changes() == 1);
}

TEST_CASE("failures_are_repeated_with_growing_pauses_and_keep_the_last_good_answer") {
  WatchedName name("app.internal");
  CHECK_FALSE(name.was_asked());
  name.begin(kNow);
  name.end(answer_of(family({"10.0.0.1"}), none()), kNow, kWall);
  SteadyTime now = kNow;
  for (const int pause : {1, 2, 4, 8, 16, 30, 30, 30}) {
    now = *name.due();
    name.begin(now);
    CHECK_FALSE(name.end(answer_of(failed(), failed()), now, kWall + seconds(9)));
    CHECK(*name.due() == now + seconds(pause));
  }
  CHECK(hosts_of(name.addresses()) == std::vector<std::string>{"10.0.0.1"});
  CHECK(name.error() == "timeout");
  CHECK(name.failing_since() == kWall + seconds(9));
  CHECK(name.failures() == 8);
  name.begin(now);
  CHECK_FALSE(name.end(answer_of(family({"10.0.0.1"}), none()), now, kWall));
  CHECK(name.error().empty());
  CHECK_FALSE(name.failing_since());
  name.begin(now);
  name.end(answer_of(none(), none()), now, kWall);
  CHECK(*name.due() == now + kFirstPause);
  CHECK(name.error() == "no such name");
}

TEST_CASE("trouble_brings_the_next_question_forward_at_most_once_a_second") {
  WatchedName name("app.internal");
  name.begin(kNow);
  name.end(answer_of(family({"10.0.0.1"}), none()), kNow, kWall);
  name.on_trouble(kNow + Milliseconds(200));
  CHECK(*name.due() == kNow + kLeastBetweenQuestions);
  name.on_trouble(kNow + Milliseconds(900));
  CHECK(*name.due() == kNow + kLeastBetweenQuestions);
  name.begin(*name.due());
  name.on_trouble(kNow + Milliseconds(1'100));
  CHECK_FALSE(name.due());
  name.end(answer_of(family({"10.0.0.1"}), none()), kNow + Milliseconds(1'200), kWall);
  name.on_trouble(kNow + Milliseconds(5'000));
  CHECK(*name.due() == kNow + Milliseconds(5'000));
  // It never makes anybody wait longer.
  name.on_trouble(kNow + Milliseconds(6'000));
  CHECK(*name.due() == kNow + Milliseconds(5'000));
}

TEST_CASE("the_error_says_what_failed") {
  WatchedName name("app.internal");
  const auto error_after = [&](NameAnswer answer) {
    name.begin(kNow);
    name.end(answer, kNow, kWall);
    return name.error();
  };
  CHECK(error_after(answer_of(none(), failed())) == "timeout");
  CHECK(error_after(answer_of(failed(), none())) == "timeout");
  CHECK(error_after(answer_of(none(), none())) == "no such name");
  CHECK(error_after(answer_of(family({"0.0.0.0"}), none())) == "none of the addresses in the answer can be a host's");
  CHECK(name.was_asked());
}

}  // namespace halfdoor
