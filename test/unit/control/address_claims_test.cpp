// Which side an address belongs to when names of both sides lead there.
#include "control/address_claims.h"

#include <catch2/catch.hpp>

namespace halfdoor {

namespace {

AddressList list_of(const std::vector<std::string>& texts) {
  AddressList list;
  for (const std::string& text : texts) list.push_back(*Address::parse("10.0.0." + text + ":80"));
  return list;
}

AddressClaim literal(const std::string& text) { return {true, list_of({text}), list_of({text}), false}; }
AddressClaim named(const std::vector<std::string>& wanted, const std::vector<std::string>& held) {
  return {false, list_of(wanted), list_of(held), false};
}

using Claims = std::vector<AddressClaim>;

struct Settled {
  Settled(Claims primary, Claims backup) : sides{std::move(primary), std::move(backup)} { settle_claims(sides); }
  AddressList primary(size_t i = 0) const { return sides[0][i].held; }
  AddressList backup(size_t i = 0) const { return sides[1][i].held; }

  std::array<Claims, 2> sides;
};

}  // namespace

TEST_CASE("without_a_contest_every_server_has_what_it_wants") {
  const Settled settled({named({"1", "2"}, {}), literal("3")}, {named({"4"}, {"5"})});
  CHECK(settled.primary() == list_of({"1", "2"}));
  CHECK(settled.primary(1) == list_of({"3"}));
  CHECK(settled.backup() == list_of({"4"}));
  CHECK_FALSE(settled.sides[0][0].is_contested);
}

TEST_CASE("what_is_in_writing_on_one_side_is_never_the_other_sides") {
  const Settled settled({literal("1")}, {named({"1", "2"}, {})});
  CHECK(settled.primary() == list_of({"1"}));
  CHECK(settled.backup() == list_of({"2"}));
  CHECK(settled.sides[1][0].is_contested);
  CHECK_FALSE(settled.sides[0][0].is_contested);
  const Settled other({named({"1"}, {})}, {literal("1")});
  CHECK(other.primary().empty());
  CHECK(other.backup() == list_of({"1"}));
}

TEST_CASE("the_side_that_held_it_keeps_it_and_the_other_keeps_its_last_good_answer") {
  const Settled moved_to_backup({named({"9"}, {"1"})}, {named({"9"}, {"9"})});
  CHECK(moved_to_backup.primary() == list_of({"1"}));
  CHECK(moved_to_backup.sides[0][0].is_contested);
  CHECK(moved_to_backup.backup() == list_of({"9"}));
  const Settled moved_to_primary({named({"1"}, {"1"})}, {named({"1"}, {"9"})});
  CHECK(moved_to_primary.primary() == list_of({"1"}));
  CHECK(moved_to_primary.backup() == list_of({"9"}));
}

TEST_CASE("what_nobody_held_is_the_backups_so_that_no_write_can_reach_it_as_the_primary") {
  const Settled settled({named({"1"}, {})}, {named({"1"}, {})});
  CHECK(settled.primary().empty());
  CHECK(settled.backup() == list_of({"1"}));
  CHECK(settled.sides[0][0].is_contested);
}

TEST_CASE("sides_that_swap_their_addresses_do_so_once_both_answers_are_there") {
  Settled first({named({"9"}, {"1"})}, {named({"9"}, {"9"})});
  first.sides[1][0].wanted = list_of({"1"});
  settle_claims(first.sides);
  CHECK(first.primary() == list_of({"9"}));
  CHECK(first.backup() == list_of({"1"}));
  CHECK_FALSE(first.sides[0][0].is_contested);
}

TEST_CASE("a_last_good_answer_is_not_kept_when_the_other_side_leads_there_by_now") {
  const Settled settled({named({"9"}, {"1"})}, {named({"9"}, {"9"}), named({"1"}, {"8"})});
  CHECK(settled.primary().empty());
  CHECK(settled.backup(0) == list_of({"9"}));
  CHECK(settled.backup(1) == list_of({"1"}));
}

TEST_CASE("no_address_is_ever_on_both_sides") {
  // Every combination of two small sets wanted and held by one server of each side; held ones are disjoint.
  const std::vector<std::vector<std::string>> sets{{}, {"1"}, {"2"}, {"3"}, {"1", "2"}, {"1", "3"}, {"2", "3"}};
  for (const auto& wants : sets) {
    for (const auto& holds : sets) {
      for (const auto& other_wants : sets) {
        for (const auto& other_holds : sets) {
          const AddressList a = list_of(holds), b = list_of(other_holds);
          if (std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end()) continue;
          const Settled settled({named(wants, holds)}, {named(other_wants, other_holds)});
          const AddressList p = settled.primary(), q = settled.backup();
          CAPTURE(wants, holds, other_wants, other_holds);
          CHECK(std::find_first_of(p.begin(), p.end(), q.begin(), q.end()) == p.end());
        }
      }
    }
  }
}

}  // namespace halfdoor
