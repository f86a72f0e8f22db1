// The daemon as a whole, in this process, with fake workers: start, signals, stop, and the mode after a restart.
#include "control/daemon.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/control_client.h"
#include "folder.h"
#include "scripted_host.h"

namespace halfdoor {

namespace {

// Does at once what it is told.
class PromptWorker : public Worker {
 public:
  explicit PromptWorker(WorkerOptions options) : options_(std::move(options)), counters_(options_.snapshot->config()) {}

  void publish(std::shared_ptr<const Snapshot> snapshot) override {
    std::vector<ServiceAtSwitch> found;
    for (const ServiceState& state : snapshot->states) found.push_back({state.epoch, 0, 0});
    options_.observer->on_applied(options_.index, snapshot->generation, found);
    for (size_t i = 0; i < found.size(); ++i) options_.observer->on_fenced(options_.index, {i, found[i].epoch});
  }
  void list_exchanges(std::function<void(std::vector<ExchangeInfo>)> answer) override { answer({}); }
  void stop(Milliseconds) override { options_.observer->on_stopped(options_.index, 0); }
  void stop_now() override {}
  const WorkerCounters& counters() const override { return counters_; }
  std::string describe() const override { return "prompt"; }

 private:
  WorkerOptions options_;
  WorkerCounters counters_;
};

struct Files {
  explicit Files(const std::string& more = "") {
    std::ofstream(config)
        << "[server]\nworkers = 2\nstate_dir = \"state\"\n[log]\naccess = \"off\"\nlevel = \"error\"\n"
        << "[control]\nsocket = \"control.sock\"\n"
        << more << "[[listen]]\naddress = \"127.0.0.1:0\"\n[[service]]\nname = \"salon\"\n"
        << "primary.servers = [\"127.0.0.1:1\"]\nbackup.servers = [\"127.0.0.1:2\"]\n"
        << "[service.health]\ninterval = \"20ms\"\ntimeout = \"20s\"\nport = " << checked.address.port() << "\n";
  }

  static std::string answer(const std::string& status) {
    return "HTTP/1.1 " + status + " Told\r\nContent-Length: 0\r\n\r\n";
  }

  std::atomic<bool> is_healthy{true};
  // Stands for both sides.
  ScriptedHost checked{ScriptedHost::Script(
      [this](const ScriptedHost::Connection& connection) { connection.send(answer(is_healthy ? "200" : "503")); })};
  Folder folder;
  std::string config = folder.path + "/halfdoor.toml";
  std::string socket = folder.path + "/control.sock";
};

Result<std::unique_ptr<Worker>> start_prompt(WorkerOptions options) {
  return Result<std::unique_ptr<Worker>>(std::make_unique<PromptWorker>(std::move(options)));
}

// The daemon in a thread, from "ready" to its exit code.
class Running {
 public:
  explicit Running(const Files& files)
      : files_(files), thread_([this] { code_ = run_daemon(files_.config, start_prompt); }) {
    eventually([this] { return ControlClient(files_.socket).get("/v1/status").ok(); });
  }
  ~Running() {
    if (thread_.joinable()) stop();
  }
  int stop() {
    ::kill(::getpid(), SIGTERM);
    thread_.join();
    return code_;
  }
  nlohmann::json get(const std::string& target) const {
    const Result<ControlReply> reply = ControlClient(files_.socket).get(target);
    return reply ? nlohmann::json::parse(reply->body) : nlohmann::json::object();
  }
  std::string mode() const { return get("/v1/services/salon").value("mode", ""); }
  template <class Condition>
  static bool eventually(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  const Files& files_;
  int code_ = -1;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a_configuration_that_is_wrong_is_2_before_anything_is_made") {
  for (const char* more : {"colour = 1\n", "group = \"no-such-group-here\"\n", "[admin]\ntoken_file = \"missing\"\n"}) {
    CAPTURE(more);
    const Files files(more);
    CHECK(run_daemon(files.config, start_prompt) == 2);
    CHECK_FALSE(std::filesystem::exists(files.folder.path + "/state"));
    CHECK_FALSE(std::filesystem::exists(files.socket));
  }
  CHECK(run_daemon("/nonexistent/halfdoor.toml", start_prompt) == 2);
}

TEST_CASE("a_worker_that_does_not_start_is_1_and_leaves_no_socket") {
  const Files files;
  const auto broken = [](WorkerOptions) { return Result<std::unique_ptr<Worker>>(Error{"no thread is left"}); };
  CHECK(run_daemon(files.config, broken) == 1);
  CHECK_FALSE(std::filesystem::exists(files.socket));
}

TEST_CASE("the_mode_survives_a_restart_and_signals_set_it_with_all_guards") {
  const Files files;
  {
    Running daemon(files);
    CHECK(daemon.mode() == "primary");
    CHECK(daemon.get("/v1/status")["listeners"].size() == 1);
    ::kill(::getpid(), SIGUSR1);
    CHECK(Running::eventually([&] { return daemon.mode() == "backup-readonly"; }));
    // Twice the same signal is no toggle.
    ::kill(::getpid(), SIGUSR1);
    ::kill(::getpid(), SIGUSR2);
    const auto last_change = [&] { return daemon.get("/v1/services/salon/history")["changes"].back(); };
    CHECK(Running::eventually([&] { return last_change()["kind"] == "refusal"; }));
    CHECK(last_change()["actor"] == "signal");
    CHECK(last_change()["rules"][0]["rule"] == "minimum-stay");
    CHECK(daemon.mode() == "backup-readonly");
    ::kill(::getpid(), SIGHUP);
    CHECK(daemon.stop() == 0);
  }
  CHECK_FALSE(std::filesystem::exists(files.socket));
  Running again(files);
  CHECK(again.mode() == "backup-readonly");
  CHECK(again.get("/v1/services/salon")["epoch"] == 2);
  CHECK(again.get("/v1/services/salon")["actor"] == "signal");
}

TEST_CASE("the_daemon_checks_its_servers_tells_what_it_finds_and_guards_a_failover_by_it") {
  Files files;
  Running daemon(files);
  const auto backup = [&] { return daemon.get("/v1/services/salon")["backup"]; };
  REQUIRE(Running::eventually([&] { return backup()["healthy"] == true; }));
  CHECK(backup()["servers"][0]["healthy"] == true);
  CHECK(backup()["servers"][0]["last_check"] == "200");
  CHECK(backup()["servers"][0]["last_check_ms"].is_number());

  files.is_healthy = false;
  REQUIRE(Running::eventually([&] { return backup()["healthy"] == false; }));
  CHECK(backup()["servers"][0]["healthy"] == false);
  CHECK(backup()["servers"][0]["last_check"] == "503");
  const Result<ControlReply> refused =
      ControlClient(files.socket)
          .post("/v1/services/salon/mode", R"({"mode":"backup-readonly"})", Milliseconds(60'000));
  REQUIRE(refused);
  CHECK(refused->status == 409);
  const nlohmann::json problem = nlohmann::json::parse(refused->body);
  CHECK(problem["rule"] == "backup-healthy");
  CHECK(problem["detail"].get<std::string>().find("127.0.0.1:2: 503") != std::string::npos);
  const std::string metrics = ControlClient(files.socket).get("/metrics").value().body;
  CHECK(metrics.find("halfdoor_side_healthy{service=\"salon\",side=\"backup\"} 0\n") != std::string::npos);
  CHECK(metrics.find("halfdoor_server_healthy{service=\"salon\",side=\"primary\",server=\"127.0.0.1:1\"} 0\n") !=
        std::string::npos);

  files.is_healthy = true;
  REQUIRE(Running::eventually([&] { return backup()["healthy"] == true; }));
  const Result<ControlReply> done =
      ControlClient(files.socket)
          .post("/v1/services/salon/mode", R"({"mode":"backup-readonly"})", Milliseconds(60'000));
  REQUIRE(done);
  CHECK(done->status == 200);
  CHECK(daemon.stop() == 0);
}

}  // namespace halfdoor
