#include "base/intrusive_list.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace halfdoor {

namespace {

struct Idle;
struct Waiting;
struct Member : ListLink<Idle>, ListLink<Waiting> {
  explicit Member(int of = 0) : number(of) {}
  int number;
};
using IdleList = IntrusiveList<Member, Idle>;
using WaitingList = IntrusiveList<Member, Waiting>;

template <class List>
std::vector<int> numbers(List& list) {
  std::vector<int> all;
  for (Member& member : list) all.push_back(member.number);
  return all;
}
using Numbers = std::vector<int>;

}  // namespace

TEST_CASE("members stand in the order in which they joined") {
  IdleList list;
  CHECK(list.empty());
  CHECK(list.pop_front() == nullptr);
  Member a(1), b(2), c(3);
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  CHECK(numbers(list) == Numbers{1, 2, 3});
  CHECK(&list.front() == &a);
  CHECK(&list.back() == &c);
  CHECK(list.pop_front() == &a);
  CHECK_FALSE(static_cast<ListLink<Idle>&>(a).is_linked());
  CHECK(numbers(list) == Numbers{2, 3});
}

TEST_CASE("a member leaves from anywhere, more than once, and when it is destroyed") {
  IdleList list;
  Member a(1), c(3);
  list.push_back(a);
  {
    Member b(2);
    list.push_back(b);
    list.push_back(c);
    CHECK(numbers(list) == Numbers{1, 2, 3});
  }
  CHECK(numbers(list) == Numbers{1, 3});
  static_cast<ListLink<Idle>&>(c).leave();
  static_cast<ListLink<Idle>&>(c).leave();
  CHECK(numbers(list) == Numbers{1});
  list.push_front(c);
  CHECK(numbers(list) == Numbers{3, 1});
}

TEST_CASE("an object is in one list per tag") {
  IdleList idle;
  WaitingList waiting;
  Member a(1), b(2);
  idle.push_back(a);
  idle.push_back(b);
  waiting.push_back(b);
  waiting.push_back(a);
  CHECK(idle.pop_front() == &a);
  CHECK(numbers(idle) == Numbers{2});
  CHECK(numbers(waiting) == Numbers{2, 1});
}

TEST_CASE("take moves every member behind ours") {
  IdleList ours, others;
  Member a(1), b(2), c(3);
  ours.push_back(a);
  others.push_back(b);
  others.push_back(c);
  ours.take(others);
  CHECK(numbers(ours) == Numbers{1, 2, 3});
  CHECK(others.empty());
  ours.take(others);
  CHECK(numbers(ours) == Numbers{1, 2, 3});
}

TEST_CASE("a list may go before its members") {
  Member a(1), b(2);
  {
    IdleList list;
    list.push_back(a);
    list.push_back(b);
  }
  static_cast<ListLink<Idle>&>(a).leave();
  static_cast<ListLink<Idle>&>(b).leave();
  IdleList another;
  another.push_back(b);
  CHECK(numbers(another) == Numbers{2});
}

TEST_CASE("random joining and leaving agrees with a vector") {
  std::mt19937 random(11);
  IdleList list;
  Numbers model;
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < 16; ++i) members.push_back(std::make_unique<Member>(i));
  for (int step = 0; step < 5'000; ++step) {
    Member& member = *members[random() % members.size()];
    ListLink<Idle>& link = member;
    const auto at = std::find(model.begin(), model.end(), member.number);
    CHECK(link.is_linked() == (at != model.end()));
    if (at != model.end()) {
      link.leave();
      model.erase(at);
    } else if (random() % 2 == 0) {
      list.push_back(member);
      model.push_back(member.number);
    } else {
      list.push_front(member);
      model.insert(model.begin(), member.number);
    }
    REQUIRE(numbers(list) == model);
  }
}

}  // namespace halfdoor
