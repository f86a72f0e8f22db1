#include "base/result.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <memory>

#include "base/unique_fd.h"

namespace halfdoor {

namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return Error{"odd"};
  return number / 2;
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

}  // namespace

TEST_CASE("a result is a value or an error") {
  CHECK(half_of(8).ok());
  CHECK(*half_of(8) == 4);
  CHECK_FALSE(half_of(7).ok());
  CHECK(half_of(7).error().message == "odd");
}

TEST_CASE("a value that cannot be copied is moved out of its result") {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(5));
  const std::unique_ptr<int> taken = std::move(result).value();
  CHECK(*taken == 5);
}

TEST_CASE("a status is fine unless it holds an error") {
  CHECK(Status().ok());
  const Status failed = Error{"disk full"};
  CHECK_FALSE(failed);
  CHECK(failed.error().message == "disk full");
}

TEST_CASE("a descriptor is closed once, by its last owner") {
  UniqueFd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fd = first.get();
  REQUIRE(is_open(fd));
  UniqueFd second = std::move(first);
  CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): moved from means empty
  CHECK(second.get() == fd);
  CHECK(is_open(fd));
  UniqueFd third(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int replaced = third.get();
  third = std::move(second);
  CHECK_FALSE(is_open(replaced));
  CHECK(third.get() == fd);
  third.reset();
  CHECK_FALSE(is_open(fd));
  CHECK_FALSE(third);
}

TEST_CASE("a released descriptor stays open") {
  UniqueFd owner(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fd = owner.release();
  owner.reset();
  CHECK(is_open(fd));
  close(fd);
}

}  // namespace halfdoor
