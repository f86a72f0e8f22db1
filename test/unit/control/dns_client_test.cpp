// c-ares on the loop, against a name server of the test's own.
#include "control/dns_client.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "base/unique_fd.h"
#include "event/listen.h"
#include "folder.h"

namespace halfdoor {

namespace {

using Kind = FamilyAnswer::Kind;
using std::chrono::seconds;

constexpr uint16_t kA = 1, kCname = 5, kAaaa = 28;

struct Record {
  uint16_t type;
  uint32_t ttl;
  std::string data;
  std::string name = "\xc0\x0c";  // what was asked for
};

struct Response {
  int code = 0;
  std::vector<Record> records;
  bool is_silent = false;
  std::string raw = {};  // in place of all that
  bool has_other_id = false;
};

std::string two_bytes(uint32_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

// One UDP socket on the client's own loop.
class NameServer {
 public:
  explicit NameServer(struct event_base* base)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const Address any = *Address::parse("127.0.0.1:0");
    REQUIRE(::bind(socket_.get(), any.socket_address(), any.length()) == 0);
    watch_ = event_new(
        base, socket_.get(), EV_READ | EV_PERSIST,
        [](evutil_socket_t, short, void* self) { static_cast<NameServer*>(self)->answer_one(); }, this);
    event_add(watch_, nullptr);
  }
  ~NameServer() { event_free(watch_); }
  Address address() const { return *local_address(socket_.get()); }

  std::function<Response(const std::string& host, uint16_t type)> answer;
  std::vector<std::string> asked;  // "app.internal 1"

 private:
  void answer_one() {
    char query[512];
    struct sockaddr_storage from {};
    socklen_t length = sizeof(from);
    const ssize_t got = ::recvfrom(socket_.get(), query, sizeof(query), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 17) return;
    std::string host;
    size_t at = 12;
    for (; query[at] != 0; at += static_cast<size_t>(query[at]) + 1) {
      if (!host.empty()) host += '.';
      host.append(query + at + 1, static_cast<size_t>(query[at]));
    }
    const auto type =
        static_cast<uint16_t>(static_cast<uint8_t>(query[at + 1]) << 8 | static_cast<uint8_t>(query[at + 2]));
    asked.push_back(host + " " + std::to_string(type));
    const Response given = answer(host, type);
    if (given.is_silent) return;
    std::string packet(query, 2);
    if (given.has_other_id) packet[0] = static_cast<char>(packet[0] ^ 0x55);
    packet += two_bytes(0x8180U | static_cast<uint32_t>(given.code)) + two_bytes(1) +
              two_bytes(static_cast<uint32_t>(given.records.size())) + two_bytes(0) + two_bytes(0);
    packet.append(query + 12, at + 5 - 12);
    for (const Record& record : given.records) {
      packet += record.name + two_bytes(record.type) + two_bytes(1) + two_bytes(record.ttl >> 16) +
                two_bytes(record.ttl & 0xffff) + two_bytes(static_cast<uint32_t>(record.data.size())) + record.data;
    }
    if (!given.raw.empty()) packet = packet.substr(0, 2) + given.raw;
    ::sendto(socket_.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
  }

  UniqueFd socket_;
  struct event* watch_;
};

Record a(uint8_t last, uint32_t ttl = 60) { return {kA, ttl, {10, 0, 0, static_cast<char>(last)}}; }
Record aaaa(uint8_t last, uint32_t ttl = 60) {
  return {kAaaa, ttl, std::string("\xfd", 1) + std::string(14, '\0') + static_cast<char>(last)};
}

class Fixture {
 public:
  explicit Fixture(const std::function<void(DnsClient::Options&)>& edit = [](DnsClient::Options&) {})
      : base(event_base_new(), event_base_free), server(base.get()) {
    DnsClient::Options options;
    options.servers = {server.address()};
    options.timeout = Milliseconds(100);
    edit(options);
    client = std::make_unique<DnsClient>(base.get(), std::move(options));
  }
  // As a loop would, until the answer is there.
  NameAnswer ask(const std::string& host) {
    std::optional<NameAnswer> found;
    client->ask(host, [&](const NameAnswer& answer) { found = answer; });
    CHECK_FALSE(found);
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (!found && std::chrono::steady_clock::now() < deadline) event_base_loop(base.get(), EVLOOP_ONCE);
    REQUIRE(found);
    return *found;
  }
  NameAnswer ask_with(std::function<Response(const std::string&, uint16_t)> answer) {
    server.answer = std::move(answer);
    return ask("app.internal");
  }

  std::unique_ptr<struct event_base, void (*)(struct event_base*)> base;
  NameServer server;
  std::unique_ptr<DnsClient> client;
};

}  // namespace

TEST_CASE("asks_for_both_families_and_takes_the_smallest_ttl") {
  Fixture fixture;
  const NameAnswer answer = fixture.ask_with([](const std::string& host, uint16_t type) {
    CHECK(host == "app.internal");
    if (type == kA) return Response{0, {a(1, 60), a(2, 40)}};
    return Response{0, {aaaa(1, 50)}};
  });
  REQUIRE(answer.ipv4.addresses.size() == 2);
  CHECK(answer.ipv4.addresses[0].text() == "10.0.0.1:0");
  REQUIRE(answer.ipv6.addresses.size() == 1);
  CHECK(answer.ipv6.addresses[0].text() == "[fd00::1]:0");
  CHECK(answer.ttl == seconds(40));
}

TEST_CASE("a_name_that_is_another_ones_counts_as_long_as_both_say") {
  Fixture fixture;
  const NameAnswer answer = fixture.ask_with([](const std::string&, uint16_t type) {
    const Record alias{kCname, 7, std::string("\4host\xc0\x0c", 7)};
    Record address = a(9, 60);
    address.name = alias.data;
    return type == kA ? Response{0, {alias, address}} : Response{0, {alias}};
  });
  CHECK(answer.ttl == seconds(7));
}

TEST_CASE("tells_names_without_addresses_from_servers_that_fail") {
  struct Row {
    int code;
    Kind kind;
  };
  const auto row = GENERATE(values<Row>({{0, Kind::none}, {3, Kind::none}, {2, Kind::failed}, {5, Kind::failed}}));
  Fixture fixture;
  const NameAnswer answer = fixture.ask_with([&](const std::string&, uint16_t) { return Response{row.code, {}}; });
  CAPTURE(row.code);
  CHECK(answer.ipv4.kind == row.kind);
  CHECK(answer.ipv6.kind == row.kind);
  CHECK_FALSE(answer.ipv4.error.empty());
}

TEST_CASE("garbage_and_answers_to_nobody_are_no_answers") {
  const auto given = GENERATE(values<Response>({{0, {}, false, std::string(500, '\xff')},
                                                {0, {}, false, "x"},
                                                {0, {{kA, 60, "abc"}}},
                                                {0, {a(66)}, false, {}, true}}));
  Fixture fixture;
  const NameAnswer answer = fixture.ask_with([&](const std::string&, uint16_t) { return given; });
  CHECK(answer.ipv4.addresses.empty());
  CHECK(answer.ipv6.addresses.empty());
  // It is as well afterwards as before.
  CHECK(
      fixture.ask_with([](const std::string&, uint16_t type) {
               return type == kA ? Response{0, {a(1)}} : Response{};
             })
          .ipv4.addresses.size() == 1);
}

TEST_CASE("a_server_that_never_answers_for_ipv6_does_not_hold_up_ipv4") {
  Fixture fixture([](DnsClient::Options& options) {
    options.timeout = Milliseconds(60'000);
    options.patience = Milliseconds(20);
  });
  const NameAnswer answer = fixture.ask_with([](const std::string&, uint16_t type) {
    return type == kA ? Response{0, {a(1)}} : Response{0, {}, true};
  });
  CHECK(answer.ipv4.addresses.size() == 1);
  CHECK(answer.ipv6.kind == Kind::failed);
}

TEST_CASE("a_silent_server_is_a_failure_after_two_tries") {
  Fixture fixture;
  const NameAnswer answer = fixture.ask_with([](const std::string&, uint16_t) { return Response{0, {}, true}; });
  CHECK(answer.ipv4.kind == Kind::failed);
  CHECK(answer.ipv6.kind == Kind::failed);
  CHECK(fixture.server.asked.size() == 4);
}

TEST_CASE("the_hosts_file_comes_first_and_its_answer_has_no_ttl") {
  Fixture fixture;
  const NameAnswer answer = fixture.ask("localhost");
  CHECK(fixture.server.asked.empty());
  CHECK_FALSE(answer.ttl);
  REQUIRE_FALSE(answer.ipv4.addresses.empty());
  CHECK(answer.ipv4.addresses[0].text() == "127.0.0.1:0");
}

TEST_CASE("a_client_may_go_while_questions_are_out") {
  Fixture fixture;
  fixture.server.answer = [](const std::string&, uint16_t) { return Response{0, {}, true}; };
  bool called = false;
  for (int i = 0; i < 3; ++i) {
    fixture.client->ask("app.internal", [&](const NameAnswer&) { called = true; });
    event_base_loop(fixture.base.get(), EVLOOP_NONBLOCK);
  }
  fixture.client.reset();
  event_base_loop(fixture.base.get(), EVLOOP_NONBLOCK);
  CHECK_FALSE(called);
}

TEST_CASE("a_question_may_be_asked_from_an_answer") {
  Fixture fixture;
  fixture.server.answer = [](const std::string&, uint16_t type) {
    return type == kA ? Response{0, {a(1)}} : Response{};
  };
  int answers = 0;
  std::function<void(const NameAnswer&)> again = [&](const NameAnswer&) {
    if (++answers < 5) fixture.client->ask("app.internal", again);
  };
  fixture.client->ask("app.internal", again);
  while (answers < 5) event_base_loop(fixture.base.get(), EVLOOP_ONCE);
  CHECK(fixture.server.asked.size() == 10);
}

TEST_CASE("a_changed_resolv_conf_is_read_again") {
  const Folder folder;
  const std::string file = folder.path + "/resolv.conf";
  std::ofstream(file) << "nameserver 127.0.0.1\n";
  Fixture fixture([&](DnsClient::Options& options) { options.system_file = file.c_str(); });
  const auto answer = [](const std::string&, uint16_t type) {
    return type == kA ? Response{0, {a(1)}} : Response{0, {}, true};
  };
  CHECK(fixture.ask_with(answer).ipv4.addresses.size() == 1);
  // The question about the other family is still out when the file is replaced.
  std::ofstream(file + ".new") << "nameserver 127.0.0.2\n";
  REQUIRE(::rename((file + ".new").c_str(), file.c_str()) == 0);
  CHECK(fixture.ask_with(answer).ipv4.addresses.size() == 1);
  CHECK(fixture.ask_with(answer).ipv4.addresses.size() == 1);
}

}  // namespace halfdoor
