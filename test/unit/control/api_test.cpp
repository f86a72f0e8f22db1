// The control API over a real Unix socket and TCP (design 1.5).
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "control/control_client.h"
#include "control_fixture.h"

namespace halfdoor {

namespace {

nlohmann::json get(const ControlFixture& fixture, const std::string& target, int status = 200) {
  const Result<ControlReply> reply = ControlClient(fixture.socket_path).get(target);
  REQUIRE(reply);
  CHECK(reply->status == status);
  return nlohmann::json::parse(reply->body);
}

nlohmann::json post(const ControlFixture& fixture, const std::string& body, int status,
                    const std::string& target = "/v1/services/salon/mode") {
  const Result<ControlReply> reply = ControlClient(fixture.socket_path).post(target, body, Milliseconds(20'000));
  REQUIRE(reply);
  CAPTURE(reply->body);
  CHECK(reply->status == status);
  return nlohmann::json::parse(reply->body);
}

// A connection on which a test writes and reads bytes.
class Raw {
 public:
  explicit Raw(const std::string& address_text) {
    const Address address = *Address::parse(address_text);
    fd_ = UniqueFd(::socket(address.family(), SOCK_STREAM, 0));
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    REQUIRE(::connect(fd_.get(), address.socket_address(), address.length()) == 0);
  }
  void send(const std::string& bytes) { CHECK(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0); }
  // Reads until `wanted` has come; what came, if the connection ends before.
  std::string read_until(const std::string& wanted) {
    char buffer[4096];
    while (got_.find(wanted) == std::string::npos) {
      const ssize_t got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      got_.append(buffer, static_cast<size_t>(got));
    }
    return got_;
  }
  bool has_bytes() const {
    struct pollfd polled {
      fd_.get(), POLLIN, 0
    };
    return ::poll(&polled, 1, 0) == 1;
  }

 private:
  UniqueFd fd_;
  std::string got_;
};

std::string over_tcp(const ControlFixture& fixture, const std::string& head, const std::string& body = "") {
  Raw raw(fixture.admin_address);
  raw.send(head + "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body);
  return raw.read_until("no such text: reads to the end");
}

}  // namespace

TEST_CASE("status_has_what_the_contract_names") {
  const ControlFixture fixture;
  const nlohmann::json status = get(fixture, "/v1/status");
  for (const char* key : {"version", "pid", "uptime_s", "generation", "workers", "services", "listeners", "warnings"}) {
    CAPTURE(key);
    CHECK(status.contains(key));
  }
  CHECK(status["workers"] == 2);
  CHECK(status["listeners"][0]["address"] == "127.0.0.1:8080");
  const nlohmann::json& service = status["services"][0];
  CHECK(service["name"] == "salon");
  CHECK(service["mode"] == "primary");
  CHECK(service["active"] == "primary");
  CHECK(service["epoch"] == 1);
  CHECK(service["fenced"] == true);
  CHECK(service["not_persisted"] == false);
  CHECK(service["diverged"] == false);
  CHECK(service["acknowledged"] == true);
  for (const char* key : {"reason", "until"}) CHECK(service[key].is_null());
  const nlohmann::json& server = service["backup"]["servers"][0];
  CHECK(server["address"] == "10.9.0.10:8080");
  CHECK(server["healthy"].is_null());
  CHECK(server["last_check_ms"].is_null());
  for (const char* key : {"failures", "in_flight", "pooled"}) CHECK(server[key] == 0);
  CHECK(get(fixture, "/v1/services/salon") == service);
}

TEST_CASE("a_change_is_answered_when_it_is_complete_with_the_actor_of_the_socket") {
  const ControlFixture fixture;
  const nlohmann::json answer = post(fixture, R"({"mode":"backup-readonly","reason":"disk"})", 200);
  CHECK(answer["from"] == "primary");
  CHECK(answer["mode"] == "backup-readonly");
  CHECK(answer["epoch"] == 2);
  CHECK(answer["applied"] == true);
  CHECK(answer["fenced"] == true);
  CHECK(answer["persisted"] == true);
  const std::string actor = "uid:" + std::to_string(::geteuid());
  CHECK(answer["actor"].get<std::string>().starts_with(actor));
  const nlohmann::json changes = get(fixture, "/v1/services/salon/history")["changes"];
  REQUIRE(changes.size() == 1);
  for (const char* key : {"epoch", "time", "from", "to", "actor", "reason", "until", "overrides", "fenced_ms",
                          "writes_finished", "writes_uncertain"}) {
    CAPTURE(key);
    CHECK(changes[0].contains(key));
  }
  CHECK(changes[0]["to"] == "backup-readonly");
}

TEST_CASE("a_refused_change_is_409_with_the_first_rule_and_all_of_them") {
  const ControlFixture fixture;
  post(fixture, R"({"mode":"backup-readonly"})", 200);
  const nlohmann::json problem = post(fixture, R"({"mode":"primary"})", 409);
  CHECK(problem["rule"] == "minimum-stay");
  CHECK(problem["rules"][0]["rule"] == "minimum-stay");
  CHECK(problem["rules"][0]["message"].is_string());
  CHECK(problem["mode"] == "backup-readonly");
  CHECK(problem["epoch"] == 2);
}

TEST_CASE("a_stale_epoch_is_412_and_an_unknown_service_404_naming_the_known") {
  const ControlFixture fixture({"salon", "shop"});
  CHECK(post(fixture, R"({"mode":"closed","expect_epoch":7})", 412)["epoch"] == 1);
  const nlohmann::json problem = post(fixture, R"({"mode":"closed"})", 404, "/v1/services/nope/mode");
  CHECK(problem["detail"].get<std::string>().find("salon, shop") != std::string::npos);
}

TEST_CASE("a_change_that_is_not_complete_within_wait_ms_is_202_and_says_what_is_true") {
  const ControlFixture fixture;
  fixture.workers[1]->is_draining = true;
  const nlohmann::json answer = post(fixture, R"({"mode":"backup-readonly","wait_ms":200})", 202);
  CHECK(answer["applied"] == true);
  CHECK(answer["fenced"] == false);
  CHECK(answer["superseded_by"].is_null());
  CHECK(get(fixture, "/v1/services/salon")["fenced"] == false);
}

TEST_CASE("a_waiting_caller_hears_by_which_epoch_it_was_superseded") {
  ControlFixture fixture;
  fixture.workers[1]->is_draining = true;
  nlohmann::json first;
  std::thread caller([&] {
    const auto reply = ControlClient(fixture.socket_path)
                           .post("/v1/services/salon/mode", R"({"mode":"backup-readonly"})", Milliseconds(20'000));
    if (reply) first = nlohmann::json::parse(reply->body);
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (get(fixture, "/v1/services/salon")["epoch"] != 2 && std::chrono::steady_clock::now() < deadline) {
  }
  fixture.workers[1]->is_draining = false;
  post(fixture, R"({"mode":"closed"})", 200);
  caller.join();
  CHECK(first["superseded_by"] == 3);
}

TEST_CASE("a_worker_that_does_not_apply_is_named_in_answer_and_status") {
  const ControlFixture fixture;
  fixture.workers[1]->is_stuck = true;
  const nlohmann::json answer = post(fixture, R"({"mode":"backup-readonly","wait_ms":0})", 202);
  CHECK(answer["applied"] == false);
  CHECK(answer["applied_workers"] == 1);
  REQUIRE(answer["not_safe"].size() == 1);
  CHECK(get(fixture, "/v1/services/salon")["not_safe"].size() == 1);
}

TEST_CASE("bad_bodies_are_400_and_name_what_is_wrong") {
  const ControlFixture fixture;
  CHECK(post(fixture, "{", 400)["detail"].get<std::string>().find("JSON object") != std::string::npos);
  CHECK(post(fixture, R"({"mode":"closed","colour":"red"})", 400)["detail"].get<std::string>().find("colour") !=
        std::string::npos);
  CHECK(get(fixture, "/v1/services/salon")["epoch"] == 1);
}

TEST_CASE("a_body_over_64_KiB_is_refused_and_the_daemon_goes_on") {
  const ControlFixture fixture;
  Raw raw("unix:" + fixture.socket_path);
  raw.send("POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n{");
  CHECK(raw.read_until("\r\n\r\n").find("413") != std::string::npos);
  CHECK(get(fixture, "/v1/services/salon")["epoch"] == 1);
}

TEST_CASE("reload_and_upgrade_say_that_this_version_has_none") {
  const ControlFixture fixture;
  post(fixture, "{}", 501, "/v1/reload");
  post(fixture, "{}", 501, "/v1/upgrade");
}

TEST_CASE("wrong_methods_and_paths_are_named") {
  const ControlFixture fixture;
  get(fixture, "/v1/services/salon/mode", 405);
  post(fixture, "{}", 405, "/v1/status");
  get(fixture, "/", 404);
  get(fixture, "/v1/services/salon/nothing", 404);
  get(fixture, "/v1/services/", 404);
}

TEST_CASE("exchanges_of_all_workers_are_collected_and_a_silent_worker_is_named") {
  const ControlFixture fixture;
  nlohmann::json answer = get(fixture, "/v1/exchanges");
  CHECK(answer["exchanges"].size() == 2);
  CHECK(answer["silent_workers"].empty());
  for (const char* key : {"request_id", "service", "epoch", "side", "server", "method", "path", "client", "state",
                          "age_ms", "bytes_in", "bytes_out"}) {
    CAPTURE(key);
    CHECK(answer["exchanges"][0].contains(key));
  }
  fixture.workers[0]->is_stuck = true;
  answer = get(fixture, "/v1/exchanges");
  CHECK(answer["exchanges"].size() == 1);
  CHECK(answer["silent_workers"] == nlohmann::json{0});
}

TEST_CASE("metrics_have_a_sample_of_every_mode_and_server") {
  const ControlFixture fixture;
  fixture.workers[0]->counters();
  const Result<ControlReply> reply = ControlClient(fixture.socket_path).get("/metrics");
  REQUIRE(reply);
  CHECK(reply->body.find("halfdoor_mode{service=\"salon\",mode=\"primary\"} 1\n") != std::string::npos);
  CHECK(reply->body.find("halfdoor_mode{service=\"salon\",mode=\"closed\"} 0\n") != std::string::npos);
  CHECK(reply->body.find("halfdoor_second_guard_total{service=\"salon\"} 0\n") != std::string::npos);
  CHECK(reply->body.find("halfdoor_tunnels{service=\"salon\"} 0\n") != std::string::npos);
  CHECK(
      reply->body.find("halfdoor_server_in_flight{service=\"salon\",side=\"backup\",server=\"10.9.0.10:8080\"} 0\n") !=
      std::string::npos);
}

TEST_CASE("the_notice_is_what_a_refused_client_would_see") {
  const ControlFixture fixture;
  post(fixture, R"({"mode":"backup-readonly"})", 200);
  const ControlClient client(fixture.socket_path);
  CHECK(client.get("/v1/services/salon/notice?format=html")->body.find("<html") != std::string::npos);
  CHECK(nlohmann::json::parse(client.get("/v1/services/salon/notice?format=json&lang=de")->body)["mode"] ==
        "backup-readonly");
  CHECK(client.get("/v1/services/salon/notice?format=pdf")->status == 400);
}

TEST_CASE("events_tell_the_present_mode_and_then_every_change") {
  const ControlFixture fixture;
  Raw raw("unix:" + fixture.socket_path);
  raw.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(raw.read_until("\"mode\":\"primary\"").find("event: mode\ndata: {") != std::string::npos);
  post(fixture, R"({"mode":"backup-readonly"})", 200);
  CHECK(raw.read_until("\"mode\":\"backup-readonly\"").find("\"mode\":\"backup-readonly\"") != std::string::npos);
}

TEST_CASE("heartbeats_keep_a_quiet_stream_alive") {
  const ControlFixture fixture;
  Raw raw("unix:" + fixture.socket_path);
  raw.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(raw.read_until(": heartbeat\n\n").find(": heartbeat\n\n") != std::string::npos);
}

TEST_CASE("a_client_that_leaves_before_the_answer_does_not_stop_the_change") {
  ControlFixture fixture;
  fixture.workers[1]->is_draining = true;
  {
    Raw raw("unix:" + fixture.socket_path);
    const std::string body = R"({"mode":"backup-readonly"})";
    raw.send("POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (get(fixture, "/v1/services/salon")["epoch"] != 2 && std::chrono::steady_clock::now() < deadline) {
    }
  }
  fixture.workers[1]->is_draining = false;
  fixture.on_control([&] { fixture.workers[1]->acknowledge(); });
  CHECK(post(fixture, R"({"mode":"backup-readonly"})", 200)["fenced"] == true);
}

TEST_CASE("of_a_hundred_callers_at_once_some_wait_and_the_others_are_answered_when_it_is_applied") {
  ControlFixture fixture;
  fixture.workers[1]->is_draining = true;
  std::vector<std::unique_ptr<Raw>> callers;
  const std::string body = R"({"mode":"backup-readonly","wait_ms":60000})";
  for (int i = 0; i < 100; ++i) {
    callers.push_back(std::make_unique<Raw>("unix:" + fixture.socket_path));
    callers.back()->send("POST /v1/services/salon/mode HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  const auto answered = [&] {
    return static_cast<size_t>(
        std::count_if(callers.begin(), callers.end(), [](const auto& caller) { return caller->has_bytes(); }));
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (answered() < 100 - kMostDeferred && std::chrono::steady_clock::now() < deadline) {
  }
  CHECK(answered() == 100 - kMostDeferred);
  fixture.workers[1]->is_draining = false;
  fixture.on_control([&] { fixture.workers[1]->acknowledge(); });
  size_t done = 0, applied = 0;
  for (const auto& caller : callers) {
    const std::string head = caller->read_until("\r\n\r\n");
    done += head.starts_with("HTTP/1.1 200") ? 1 : 0;
    applied += head.starts_with("HTTP/1.1 202") ? 1 : 0;
  }
  CHECK(done == kMostDeferred);
  CHECK(applied == 100 - kMostDeferred);
  // The places are free again.
  post(fixture, R"({"mode":"closed"})", 200);
}

TEST_CASE("a_watcher_that_does_not_read_is_cut") {
  ControlFixture fixture;
  Raw raw("unix:" + fixture.socket_path);
  raw.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  raw.read_until("\n\n");
  for (int i = 0; i < 3000; ++i) fixture.on_control([&] { fixture.announce_mode(); });
  post(fixture, R"({"mode":"closed"})", 200);
  const std::string everything = raw.read_until("\"mode\":\"closed\"");
  CHECK(everything.find("\"mode\":\"closed\"") == std::string::npos);
  CHECK(everything.size() < 3000 * 500);
}

TEST_CASE("clients_that_send_half_a_request_hold_up_nobody") {
  const ControlFixture fixture;
  std::vector<std::unique_ptr<Raw>> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(std::make_unique<Raw>("unix:" + fixture.socket_path));
    idle.back()->send("G");
  }
  post(fixture, R"({"mode":"backup-readonly"})", 200);
}

TEST_CASE("over_tcp_anybody_of_the_machine_may_read_and_only_the_token_may_change") {
  const ControlFixture fixture({"salon"}, "0123456789abcdef");
  const std::string host = "Host: " + fixture.admin_address + "\r\n";
  CHECK(over_tcp(fixture, "GET /v1/status HTTP/1.1\r\n" + host).starts_with("HTTP/1.1 200"));
  CHECK(over_tcp(fixture, "GET /v1/status HTTP/1.1\r\nHost: evil.example\r\n").starts_with("HTTP/1.1 403"));
  const std::string change = "POST /v1/services/salon/mode HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n";
  CHECK(over_tcp(fixture, change, R"({"mode":"closed"})").starts_with("HTTP/1.1 401"));
  CHECK(get(fixture, "/v1/services/salon")["mode"] == "primary");
  const std::string answer =
      over_tcp(fixture, change + "Authorization: Bearer 0123456789abcdef\r\n", R"({"mode":"closed"})");
  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.find("\"actor\":\"token\"") != std::string::npos);
}

TEST_CASE("over_tcp_changes_are_off_without_a_token") {
  const ControlFixture fixture;
  const std::string answer = over_tcp(fixture,
                                      "POST /v1/services/salon/mode HTTP/1.1\r\nHost: " + fixture.admin_address +
                                          "\r\nContent-Type: application/json\r\nAuthorization: Bearer \r\n",
                                      R"({"mode":"closed"})");
  CHECK(answer.starts_with("HTTP/1.1 403"));
}

}  // namespace halfdoor
