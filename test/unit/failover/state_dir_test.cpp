#include "failover/state_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "fixtures.h"

namespace halfdoor {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

TEST_CASE("a_missing_folder_is_made_private_and_those_above_it_readable") {
  const TemporaryFolder folder;
  const mode_t before = ::umask(022);
  const auto dir = StateDir::open(folder / "a/b/state/");
  ::umask(before);
  REQUIRE(dir.ok());
  CHECK(dir->path() == folder / "a/b/state");
  CHECK(dir->warning().empty());
  CHECK(mode_of(folder / "a/b/state") == 0700);
  CHECK(mode_of(folder / "a/b") == 0755);
  CHECK(mode_of(folder / "a/b/state/lock") == 0600);
}

TEST_CASE("a_second_instance_is_refused_while_the_first_lives_and_told_who_it_is") {
  const TemporaryFolder folder;
  {
    const auto first = StateDir::open(folder.path());
    REQUIRE(first.ok());
    const auto second = StateDir::open(folder.path());
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message.find("in use by process " + std::to_string(::getpid())) != std::string::npos);
  }
  CHECK(StateDir::open(folder.path()).ok());
}

TEST_CASE("the_lock_ends_with_a_killed_process") {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto dir = StateDir::open(folder.path());
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK_FALSE(read_text(folder / "lock").empty());
  CHECK(StateDir::open(folder.path()).ok());
}

TEST_CASE("a_folder_that_others_may_write_to_is_told") {
  const TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  const auto dir = StateDir::open(folder.path());
  REQUIRE(dir.ok());
  CHECK(dir->warning().find("mode 0777") != std::string::npos);
}

TEST_CASE("a_symlink_in_the_place_of_the_lock_is_refused") {
  const TemporaryFolder folder;
  REQUIRE(::symlink((folder / "elsewhere").c_str(), (folder / "lock").c_str()) == 0);
  CHECK_FALSE(StateDir::open(folder.path()).ok());
  CHECK(::access((folder / "elsewhere").c_str(), F_OK) != 0);
}

TEST_CASE("what_cannot_be_made_is_an_error_with_user_owner_and_what_to_do") {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  for (const std::string& path : {std::string("/proc/halfdoor/state"), folder / "file", folder / "file/state"}) {
    const auto dir = StateDir::open(path);
    INFO(path);
    REQUIRE_FALSE(dir.ok());
    CHECK(dir.error().message.find(path) != std::string::npos);
  }
  const std::string message = StateDir::open("/proc/halfdoor/state").error().message;
  CHECK(message.find("uid ") != std::string::npos);
  CHECK(message.find("belongs to root:root, mode") != std::string::npos);
  CHECK(message.find("install -d -m 0700") != std::string::npos);
  CHECK_FALSE(StateDir::open("").ok());
}

TEST_CASE("another_user_is_told_whose_folder_it_is") {
  if (::geteuid() != 0) return;  // only root can become somebody else
  const TemporaryFolder folder;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const auto dir = StateDir::open(folder.path());
    const std::string message = dir.ok() ? "opened" : dir.error().message;
    const ssize_t written = ::write(pipe_ends[1], message.data(), message.size());
    ::_exit(written > 0 ? 0 : 1);
  }
  ::close(pipe_ends[1]);
  char text[1000] = {};
  const ssize_t n = ::read(pipe_ends[0], text, sizeof(text) - 1);
  ::close(pipe_ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(n > 0);
  const std::string message(text, static_cast<size_t>(n));
  CHECK(message.find("Permission denied") != std::string::npos);
  CHECK(message.find("belongs to root:root, mode 0700") != std::string::npos);
  CHECK(message.find("(uid 65534)") != std::string::npos);
}

}  // namespace
}  // namespace halfdoor
