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
  for (const Address& address : addresses) question.servers.push_back({address.text(), {address}});
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

TEST_CASE("the_addresses_of_a_server_are_asked_in_turn_and_a_name_without_one_is_named") {
  Host host("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  PrimaryQuestion question = question_to({});
  question.servers.push_back({"app.internal:80", {}});
  CHECK(ask_primary(question).text == "the name of app.internal:80 is not resolved");
  question.servers.push_back({"b.internal:80", {*Address::parse("127.0.0.1:1"), host.address}});
  const CaughtUpAnswer answer = ask_primary(question);
  CHECK(answer.yes);
  CHECK(answer.text == "200 from b.internal:80");
}

TEST_CASE("the_question_goes_to_where_the_servers_are_now") {
  Config config;
  config.services.resize(1);
  config.services[0].sides[0].servers = {{"app.internal:80", std::nullopt},
                                         {"10.0.0.1:80", *Address::parse("10.0.0.1:80")}};
  ServerAddresses addresses(config);
  addresses.set(0, Side::primary, 0, {*Address::parse("10.0.0.9:80")});
  const PrimaryQuestion question = caught_up_question(config.services[0], 0, addresses);
  REQUIRE(question.servers.size() == 2);
  CHECK(question.servers[0].name == "app.internal:80");
  CHECK(question.servers[0].addresses.at(0).text() == "10.0.0.9:80");
  CHECK(question.servers[1].addresses.at(0).text() == "10.0.0.1:80");
}

}  // namespace halfdoor
