// Listening sockets on the loopback interface and in the file system.
#include "event/listen.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

using namespace halfdoor;

namespace {

struct TemporaryFolder {
  TemporaryFolder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~TemporaryFolder() {
    ::unlink((std::string(path) + "/s").c_str());
    ::rmdir(path);
  }
  Address socket() const { return Address::parse("unix:" + std::string(path) + "/s").value(); }

  char path[32] = "/tmp/halfdoor-listen-XXXXXX";
};

Address any_port(const char* text) { return Address::parse(text).value(); }

}  // namespace

TEST_CASE("port 0 gets a free port that local_address tells") {
  const Result<UniqueFd> fd = listen_on(any_port("127.0.0.1:0"), false);
  REQUIRE(fd.ok());
  const Result<Address> address = local_address(fd->get());
  REQUIRE(address.ok());
  CHECK(address->port() != 0);
  CHECK(address->host_text() == "127.0.0.1");
  CHECK((::fcntl(fd->get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("an address in use is an error that names it, unless it is shared") {
  const bool is_shared = GENERATE(true, false);
  const Result<UniqueFd> first = listen_on(any_port("127.0.0.1:0"), is_shared);
  REQUIRE(first.ok());
  const Address address = local_address(first->get()).value();
  const Result<UniqueFd> second = listen_on(address, is_shared);
  REQUIRE(second.ok() == is_shared);
  if (is_shared) return;
  CHECK(second.error().message.find(address.text()) != std::string::npos);
  CHECK(second.error().message.find("another process listens there") != std::string::npos);
}

TEST_CASE("a stale socket file is replaced, a live one and anything else is not") {
  TemporaryFolder folder;
  {
    const Result<UniqueFd> first = listen_on(folder.socket(), false);
    REQUIRE(first.ok());
    CHECK_FALSE(listen_on(folder.socket(), false).ok());
  }
  CHECK(listen_on(folder.socket(), false).ok());
  const std::string path = std::string(folder.path) + "/s";
  ::unlink(path.c_str());
  UniqueFd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).reset();
  CHECK_FALSE(listen_on(folder.socket(), false).ok());
  CHECK(::access(path.c_str(), F_OK) == 0);
}

TEST_CASE("whoever is accepted is asked by the kernel whether it is still there, long before an idle tunnel ends") {
  const Result<UniqueFd> listening = listen_on(any_port("127.0.0.1:0"), false);
  REQUIRE(listening.ok());
  const Address address = local_address(listening->get()).value();
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), address.socket_address(), address.length()) == 0);
  const UniqueFd accepted(::accept(listening->get(), nullptr, nullptr));
  REQUIRE(accepted);
  const auto option = [&](int level, int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    REQUIRE(::getsockopt(accepted.get(), level, name, &value, &size) == 0);
    return value;
  };
  CHECK(option(SOL_SOCKET, SO_KEEPALIVE) == 1);
  CHECK(option(IPPROTO_TCP, TCP_KEEPIDLE) <= 120);
  CHECK(option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT) <= 60);
}
