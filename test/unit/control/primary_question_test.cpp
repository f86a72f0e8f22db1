#include "control/primary_question.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "base/unique_fd.h"
#include "event/listen.h"

namespace halfdoor {

namespace {

// A host that answers one connection with `response`; silent if that is empty.
class Host {
 public:
  explicit Host(std::string response) : listening_(listen_on(*Address::parse("127.0.0.1:0"), false).value()) {
    address = *local_address(listening_.get());
    const int flags = ::fcntl(listening_.get(), F_GETFL);
    ::fcntl(listening_.get(), F_SETFL, flags & ~O_NONBLOCK);
    thread_ = std::thread([this, response = std::move(response)] {
      const UniqueFd client(::accept(listening_.get(), nullptr, nullptr));
      char buffer[4096];
      const ssize_t got = ::read(client.get(), buffer, sizeof(buffer));
      if (got > 0) request.assign(buffer, static_cast<size_t>(got));
      if (!response.empty()) {
        [[maybe_unused]] const ssize_t sent = ::write(client.get(), response.data(), response.size());
        return;
      }
      // Silent until the other side gives up.
      [[maybe_unused]] const ssize_t rest = ::read(client.get(), buffer, sizeof(buffer));
    });
  }
  ~Host() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  Address address;
  std::string request;

 private:
  UniqueFd listening_;
  std::thread thread_;
};

PrimaryQuestion question_to(std::vector<Address> addresses) {
  PrimaryQuestion question;
  for (const Address& address : addresses) question.servers.push_back({address.text(), address});
  question.host = "www.salon.example";
  question.path = "/caught-up?since=1";
  return question;
}

}  // namespace

TEST_CASE("2xx_means_caught_up_and_the_host_of_the_service_is_asked_for") {
  // A proxy of the environment must not get to see it.
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Host host("HTTP/1.1 204 No Content\r\n\r\n");
  const CaughtUpAnswer answer = ask_primary(question_to({host.address}));
  ::unsetenv("http_proxy");
  host.join();
  CHECK(answer.yes);
  CHECK(answer.text == "204 from " + host.address.text());
  CHECK(host.request.starts_with("GET /caught-up?since=1 HTTP/1.1\r\n"));
  CHECK(host.request.find("\r\nHost: www.salon.example\r\n") != std::string::npos);
}

TEST_CASE("anything_else_means_no_redirects_too") {
  for (const char* response : {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
                               "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", "garbage\r\n\r\n"}) {
    Host host(response);
    CHECK_FALSE(ask_primary(question_to({host.address})).yes);
  }
}

TEST_CASE("the_first_server_that_answers_decides") {
  // Nobody listens there any more.
  const Address dead = *local_address(listen_on(*Address::parse("127.0.0.1:0"), false)->get());
  Host host("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(ask_primary(question_to({dead, host.address})).yes);
  CHECK_FALSE(ask_primary(question_to({dead})).yes);
}

TEST_CASE("a_silent_primary_is_not_waited_for_for_ever") {
  Host host("");
  PrimaryQuestion question = question_to({host.address});
  question.patience = Milliseconds(500);
  const CaughtUpAnswer answer = ask_primary(question);
  CHECK_FALSE(answer.yes);
  CHECK(answer.text == "no answer from " + host.address.text() + " within 500ms");
}

}  // namespace halfdoor
