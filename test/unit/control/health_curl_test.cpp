// Checks of real hosts on loopback, good and bad.
#include "control/health_curl.h"

#include <event2/event.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <thread>

#include "folder.h"
#include "scripted_host.h"

namespace halfdoor {

namespace {

using Ms = Milliseconds;
using Verdict = ProbeResult::Verdict;
using Connection = ScriptedHost::Connection;

constexpr char kGood[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
constexpr Ms kShort{300};

HealthConfig rules_with(Ms timeout = Ms(10'000)) {
  HealthConfig rules;
  rules.timeout = timeout;
  return rules;
}

class Loop {
 public:
  Loop() : base(event_base_new(), event_base_free), prober(base.get()) {}

  // As checks do it: what failed because this process was too late is made again.
  ProbeResult check(const std::optional<Address>& address, const HealthConfig& rules = rules_with()) {
    ProbeResult result;
    do {
      result = check_once(address, rules);
    } while (result.verdict == Verdict::slept);
    return result;
  }
  ProbeResult check_once(const std::optional<Address>& address, const HealthConfig& rules) {
    std::optional<ProbeResult> result;
    prober.begin({address, "www.salon.example", &rules}, [&result](const ProbeResult& got) { result = got; });
    CHECK_FALSE(result);
    run_until([&result] { return result.has_value(); });
    return result.value();
  }
  template <class Condition>
  void run_until(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      event_base_loop(base.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    REQUIRE(condition());
  }

  std::unique_ptr<struct event_base, void (*)(struct event_base*)> base;
  CurlProber prober;
};

// Nobody listens there any more.
Address dead_address() { return *local_address(listen_on(*Address::parse("127.0.0.1:0"), false)->get()); }

}  // namespace

TEST_CASE("a_check_is_a_plain_get_on_a_connection_of_its_own_that_no_proxy_of_the_environment_sees") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ScriptedHost host(kGood);
  Loop loop;
  HealthConfig rules = rules_with();
  rules.path = "/up/../[x]?full=1&a=%zz";
  CHECK(loop.check(host.address, rules).verdict == Verdict::passed);
  CHECK(loop.check(host.address, rules).text == "200");
  ::unsetenv("http_proxy");
  const std::vector<std::string> requests = host.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].starts_with("GET /up/../[x]?full=1&a=%zz HTTP/1.1\r\nHost: www.salon.example\r\n"));
  CHECK(requests[0].find("\r\nUser-Agent: halfdoor/") != std::string::npos);
  CHECK(requests[0].find(" (health check)\r\n") != std::string::npos);
  CHECK(requests[0].find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(requests[1] == requests[0]);
}

TEST_CASE("the_status_decides_and_redirects_are_not_followed") {
  Loop loop;
  struct Row {
    const char* response;
    Verdict verdict;
    const char* text;
  };
  ScriptedHost elsewhere(kGood);
  const std::string redirect =
      "HTTP/1.1 302 Found\r\nLocation: http://" + elsewhere.address.text() + "/\r\nContent-Length: 0\r\n\r\n";
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Verdict::passed, "200"},
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end", Verdict::passed, "200"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Verdict::passed, "200"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Verdict::passed, "200"},
      {"HTTP/1.1 204 No Content\r\n\r\n", Verdict::passed, "204"},
      {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Verdict::failed, "500"},
      {"HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nsorry", Verdict::failed, "503"},
      {"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n", Verdict::failed, "201"},
      {redirect.c_str(), Verdict::failed, "302"}};
  for (const Row& row : rows) {
    CAPTURE(row.response);
    ScriptedHost host{std::string(row.response)};
    HealthConfig rules = rules_with();
    rules.expect = {200, 204};
    const ProbeResult result = loop.check(host.address, rules);
    CHECK(result.verdict == row.verdict);
    CHECK(result.text == row.text);
  }
  CHECK(elsewhere.requests().empty());
}

TEST_CASE("what_is_no_whole_answer_is_a_failure_that_says_what_it_was") {
  Loop loop;
  struct Row {
    std::string name;
    ScriptedHost::Script script;
    std::string text;
  };
  const Row rows[] = {
      {"closes", [](const Connection&) {}, "closed without an answer"},
      {"resets", [](const Connection& c) { c.reset(); }, "connection reset by peer"},
      {"garbage", [](const Connection& c) { c.send("garbage\r\n\r\n"); }, "no HTTP/1 answer"},
      {"a version that is none", [](const Connection& c) { c.send("HTTP/9 200 OK\r\n\r\n"); }, "no HTTP/1 answer"},
      {"breaks off", [](const Connection& c) { c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"); },
       "closed before the end of its answer"},
      {"bad chunks", [](const Connection& c) { c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"); },
       ""},
      {"a head without end",
       [](const Connection& c) {
         c.send("HTTP/1.1 200 OK\r\n");
         const std::string field = "X-Field: " + std::string(1'000, 'x') + "\r\n";
         for (int i = 0; i < 100; ++i) c.send(field);
         c.wait_until_closed();
       },
       "a head of more than 64KiB"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ScriptedHost host(row.script);
    const ProbeResult result = loop.check(host.address);
    CHECK(result.verdict == Verdict::failed);
    if (!row.text.empty()) CHECK(result.text == row.text);
    CHECK_FALSE(result.text.empty());
  }
}

TEST_CASE("a_host_that_takes_no_connections_fails_at_once_or_at_the_timeout") {
  Loop loop;
  const ProbeResult refused = loop.check(dead_address());
  CHECK(refused.verdict == Verdict::failed);
  CHECK(refused.text == "connection refused");

  // A queue of one that is full: further connections are not answered at all.
  const UniqueFd full(::socket(AF_INET, SOCK_STREAM, 0));
  struct sockaddr_storage at {};
  const Address any = *Address::parse("127.0.0.1:0");
  REQUIRE(::bind(full.get(), any.socket_address(), any.length()) == 0);
  REQUIRE(::listen(full.get(), 0) == 0);
  socklen_t length = sizeof(at);
  REQUIRE(::getsockname(full.get(), reinterpret_cast<struct sockaddr*>(&at), &length) == 0);
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    [[maybe_unused]] const int begun = ::connect(waiting.back().get(), reinterpret_cast<struct sockaddr*>(&at), length);
  }
  const Address address = Address::from_socket(reinterpret_cast<struct sockaddr*>(&at), length);
  const ProbeResult silent = loop.check(address, rules_with(kShort));
  CHECK(silent.verdict == Verdict::failed);
  CHECK(silent.text == "no connection within 300ms");
}

TEST_CASE("the_timeout_is_of_the_whole_check_whatever_comes_meanwhile") {
  Loop loop;
  const auto drip = [](std::string_view text) {
    return [text = std::string(text)](const Connection& c) { c.drip(text, Ms(20)); };
  };
  struct Row {
    std::string name;
    ScriptedHost::Script script;
    std::string text;
  };
  const std::string long_head = "HTTP/1.1 200 OK\r\nX: " + std::string(2'000, 'x');
  const std::string long_body = std::string("HTTP/1.1 200 OK\r\n\r\n") + std::string(2'000, 'x');
  const Row rows[] = {{"silent", [](const Connection& c) { c.wait_until_closed(); }, "no answer within 300ms"},
                      {"a head byte by byte", drip(long_head), ""},
                      {"a body byte by byte", drip(long_body), ""},
                      {"stops within the body",
                       [](const Connection& c) {
                         c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok");
                         c.wait_until_closed();
                       },
                       "no end of its answer within 300ms"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    ScriptedHost host(row.script);
    const ProbeResult result = loop.check(host.address, rules_with(kShort));
    CHECK(result.verdict == Verdict::failed);
    CHECK(result.text.ends_with(" within 300ms"));
    if (!row.text.empty()) CHECK(result.text == row.text);
  }
}

TEST_CASE("the_expected_text_has_to_stand_in_the_first_64_KiB_of_the_body") {
  Loop loop;
  HealthConfig rules = rules_with();
  rules.expect_text = "all is well";
  const auto answer = [](const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const std::string text = "all is well";
  struct Row {
    std::string body;
    Verdict verdict;
  };
  const Row rows[] = {{text, Verdict::passed},
                      {"<p>all is well</p>", Verdict::passed},
                      {"All is well", Verdict::failed},
                      {"all is", Verdict::failed},
                      {"", Verdict::failed},
                      {std::string(kMostProbeBody - text.size(), '-') + text, Verdict::passed},
                      {std::string(kMostProbeBody - text.size(), '-') + text + "and more", Verdict::passed},
                      {std::string(kMostProbeBody - text.size() + 1, '-') + text, Verdict::failed}};
  for (const Row& row : rows) {
    CAPTURE(row.body.size());
    ScriptedHost host(answer(row.body));
    const ProbeResult result = loop.check(host.address, rules);
    CHECK(result.verdict == row.verdict);
    CHECK(result.text == (row.verdict == Verdict::passed ? "200" : "200, but without the expected text"));
  }
  ScriptedHost in_pieces(ScriptedHost::Script(
      [](const Connection& c) { c.drip("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well", Ms(1)); }));
  CHECK(loop.check(in_pieces.address, rules).verdict == Verdict::passed);
}

TEST_CASE("a_body_without_end_is_not_read_to_its_end") {
  Loop loop;
  ScriptedHost host(ScriptedHost::Script([](const Connection& c) {
    c.send("HTTP/1.1 200 OK\r\n\r\n");
    c.send(std::string(kMostProbeBody, 'x'));
    c.wait_until_closed();
  }));
  CHECK(loop.check(host.address).verdict == Verdict::passed);
  // A bad status is not waited for either.
  ScriptedHost bad(ScriptedHost::Script([](const Connection& c) {
    c.send("HTTP/1.1 503 No\r\n\r\nx");
    c.wait_until_closed();
  }));
  CHECK(loop.check(bad.address).text == "503");
}

TEST_CASE("unix_sockets_are_checked_where_they_are") {
  Loop loop;
  const Folder folder;
  const std::string path = "unix:" + folder.path + "/host.sock";
  {
    ScriptedHost host(kGood, path);
    CHECK(loop.check(*Address::parse(path)).verdict == Verdict::passed);
    REQUIRE(host.requests().size() == 1);
    CHECK(host.requests()[0].find("\r\nHost: www.salon.example\r\n") != std::string::npos);
  }
  CHECK(loop.check(*Address::parse(path)).verdict == Verdict::failed);
}

TEST_CASE("faults_of_this_process_are_not_those_of_the_host") {
  Loop loop;
  ScriptedHost host(kGood);
  CHECK(loop.check_once(std::nullopt, rules_with()).verdict == Verdict::no_address);
  SECTION("no descriptor is left") {
    struct rlimit limit {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const struct rlimit none { 0, limit.rlim_max };
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const ProbeResult result = loop.check_once(host.address, rules_with());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(result.verdict == Verdict::not_made);
  }
  SECTION("this thread did not run when the answer was due") {
    ScriptedHost silent(ScriptedHost::Script([](const Connection& c) { c.wait_until_closed(); }));
    for (const Address& address : {silent.address, host.address}) {
      std::optional<ProbeResult> result;
      const HealthConfig rules = rules_with(Ms(50));
      loop.prober.begin({address, "a", &rules}, [&result](const ProbeResult& got) { result = got; });
      event_base_loop(loop.base.get(), EVLOOP_ONCE);
      std::this_thread::sleep_for(Ms(400));
      loop.run_until([&result] { return result.has_value(); });
      CHECK((result->verdict == Verdict::slept || result->verdict == Verdict::passed));
      if (address == silent.address) CHECK(result->verdict == Verdict::slept);
    }
  }
}

TEST_CASE("many_checks_run_at_one_time_and_hanging_hosts_hold_up_nobody") {
  Loop loop;
  std::vector<std::unique_ptr<ScriptedHost>> hanging;
  for (int i = 0; i < 20; ++i) {
    hanging.push_back(
        std::make_unique<ScriptedHost>(ScriptedHost::Script([](const Connection& c) { c.wait_until_closed(); })));
  }
  ScriptedHost host(kGood);
  const HealthConfig patient = rules_with(Ms(60'000));
  size_t ended = 0, passed = 0;
  for (const auto& silent : hanging) {
    loop.prober.begin({silent->address, "a", &patient}, [&ended](const ProbeResult&) { ++ended; });
  }
  for (int i = 0; i < 200; ++i) {
    loop.prober.begin({host.address, "a", &patient},
                      [&passed](const ProbeResult& got) { passed += got.verdict == Verdict::passed ? 1 : 0; });
  }
  loop.run_until([&passed] { return passed == 200; });
  CHECK(ended == 0);
}  // And what is still in flight ends with the prober, without a word.

TEST_CASE("a_check_may_be_begun_from_the_end_of_another") {
  Loop loop;
  ScriptedHost host(kGood);
  const HealthConfig rules = rules_with();
  int left = 50;
  const Address dead = dead_address();
  std::function<void(const ProbeResult&)> again = [&](const ProbeResult&) {
    if (--left > 0) loop.prober.begin({left % 3 == 0 ? dead : host.address, "a", &rules}, again);
  };
  loop.prober.begin({host.address, "a", &rules}, again);
  loop.run_until([&left] { return left == 0; });
  CHECK(host.requests().size() >= 30);
}

}  // namespace halfdoor
