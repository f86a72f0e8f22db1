#include "control/control_socket.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "base/address.h"
#include "folder.h"

namespace halfdoor {

namespace {

std::string problem_of(const std::string& path) {
  const Result<ControlSocket> socket = ControlSocket::open({path, ""});
  return socket ? "" : socket.error().message;
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777 : 0;
}

// A socket file that nobody listens at any more.
void leave_stale_socket(const std::string& path) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  const Address address = *Address::parse("unix:" + path);
  REQUIRE(::bind(socket.get(), address.socket_address(), address.length()) == 0);
}

}  // namespace

TEST_CASE("makes_the_folder_and_a_socket_for_owner_and_group_whatever_the_umask_says") {
  const Folder folder;
  const mode_t before = ::umask(0077);
  const std::string path = folder.path + "/a/b/control.sock";
  const Result<ControlSocket> socket = ControlSocket::open({path, ""});
  ::umask(before);
  REQUIRE(socket);
  CHECK(mode_of(path) == 0660);
  CHECK(mode_of(folder.path + "/a/b") == 0755);
}

TEST_CASE("replaces_what_a_dead_daemon_left") {
  const Folder folder;
  const std::string path = folder.path + "/control.sock";
  leave_stale_socket(path);
  CHECK(problem_of(path).empty());
}

TEST_CASE("refuses_a_live_second_instance_by_name_and_leaves_it_alone") {
  const Folder folder;
  const std::string path = folder.path + "/control.sock";
  const Result<ControlSocket> first = ControlSocket::open({path, ""});
  REQUIRE(first);
  CHECK(problem_of(path).find("another halfdoor is running") != std::string::npos);
  CHECK(mode_of(path) == 0660);
}

TEST_CASE("refuses_a_symbolic_link_in_the_way") {
  const Folder folder;
  const std::string path = folder.path + "/control.sock";
  leave_stale_socket(folder.path + "/elsewhere");
  REQUIRE(::symlink((folder.path + "/elsewhere").c_str(), path.c_str()) == 0);
  CHECK(problem_of(path).find("symbolic link") != std::string::npos);
  CHECK(::access((folder.path + "/elsewhere").c_str(), F_OK) == 0);
}

TEST_CASE("refuses_a_file_in_the_way_and_keeps_it") {
  const Folder folder;
  const std::string path = folder.path + "/control.sock";
  std::ofstream(path) << "precious";
  CHECK(problem_of(path).find("is not a socket") != std::string::npos);
  CHECK(std::filesystem::file_size(path) == 8);
}

TEST_CASE("refuses_a_socket_of_somebody_else") {
  if (::geteuid() != 0) return;
  const Folder folder;
  const std::string path = folder.path + "/control.sock";
  leave_stale_socket(path);
  REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
  CHECK(problem_of(path).find("belongs to uid 65534") != std::string::npos);
}

TEST_CASE("refuses_a_folder_that_everybody_may_write_to") {
  const Folder folder;
  REQUIRE(::mkdir((folder.path + "/open").c_str(), 0777) == 0);
  REQUIRE(::chmod((folder.path + "/open").c_str(), 0777) == 0);
  CHECK(problem_of(folder.path + "/open/control.sock").find("everybody may write") != std::string::npos);
}

TEST_CASE("refuses_an_unknown_group_and_a_path_that_is_too_long") {
  const Folder folder;
  const Result<ControlSocket> socket = ControlSocket::open({folder.path + "/control.sock", "no-such-group-here"});
  REQUIRE_FALSE(socket);
  CHECK(socket.error().message.find("no-such-group-here") != std::string::npos);
  CHECK(problem_of(folder.path + "/" + std::string(200, 'x')).find("too long") != std::string::npos);
}

TEST_CASE("removes_its_own_socket_at_the_end_and_nobody_else_s") {
  const Folder folder;
  const std::string path = folder.path + "/control.sock";
  {
    const Result<ControlSocket> socket = ControlSocket::open({path, ""});
    REQUIRE(socket);
  }
  CHECK(::access(path.c_str(), F_OK) != 0);
  {
    const Result<ControlSocket> socket = ControlSocket::open({path, ""});
    REQUIRE(socket);
    REQUIRE(::rename(path.c_str(), (path + ".old").c_str()) == 0);
    leave_stale_socket(path);
  }
  CHECK(::access(path.c_str(), F_OK) == 0);
}

}  // namespace halfdoor
