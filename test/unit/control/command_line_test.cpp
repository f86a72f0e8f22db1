// The command line against a daemon with fake workers: what it prints, and its exit codes (design 1.4).
#include "control/command_line.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "control_fixture.h"

namespace halfdoor {

namespace {

struct Said {
  int code = -1;
  std::string out;
  std::string err;
};

Said run(std::vector<std::string> arguments) {
  std::ostringstream out, err;
  Said said;
  said.code = run_command_line(arguments, {out, err, false}, [](const std::string&) { return 99; });
  said.out = out.str();
  said.err = err.str();
  return said;
}

// With the socket behind the verb.
Said run(const ControlFixture& fixture, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--socket", fixture.socket_path});
  return run(std::move(arguments));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("wrong_usage_is_64") {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"nonsense"},
                                             {"failover", "--colour", "red"},
                                             {"run"},
                                             {"check"},
                                             {"notice", "--format", "pdf"},
                                             {"failover", "--expect-epoch", "x"},
                                             {"failover", "salon", "--all"},
                                             {"failover", "a", "b"}}) {
    CAPTURE(arguments);
    CHECK(run(arguments).code == 64);
  }
}

TEST_CASE("wrong_times_are_64_before_anybody_is_asked") {
  CHECK(run({"failover", "--until", "soon", "--socket", "/nonexistent"}).code == 64);
  CHECK(run({"failover", "--wait", "soon", "--socket", "/nonexistent"}).code == 64);
}

TEST_CASE("help_and_version_are_0") {
  CHECK(run({"--help"}).code == 0);
  CHECK(run({"failover", "--help"}).code == 0);
  CHECK(run({"version"}).out.starts_with("halfdoor "));
}

TEST_CASE("run_hands_the_file_on") { CHECK(run({"run", "-c", "x.toml"}).code == 99); }

TEST_CASE("check_says_ok_or_every_problem") {
  const Folder folder;
  const std::string good = folder.path + "/good.toml", bad = folder.path + "/bad.toml";
  const std::string listen = "[[listen]]\naddress = \"127.0.0.1:0\"\n";
  const std::string service = "[[service]]\nname = \"salon\"\nprimary.servers = [\"127.0.0.1:1\"]\n";
  std::ofstream(good) << listen + service + "backup.servers = [\"127.0.0.1:2\"]\n";
  std::ofstream(bad) << listen + service + "colour = 1\n";
  CHECK(run({"check", "-c", good}).code == 0);
  CHECK(run({"check", "-c", good}).out == good + ": ok\n");
  const Said said = run({"check", "-c", bad});
  CHECK(said.code == 2);
  CHECK(has(said.err, bad + ":"));
  CHECK(has(said.err, "colour"));
  CHECK(has(said.err, "backup"));
  CHECK(said.out.empty());
}

TEST_CASE("a_daemon_that_is_not_there_is_69") {
  const Folder folder;
  const Said missing = run({"status", "--socket", folder.path + "/none.sock"});
  CHECK(missing.code == 69);
  CHECK(has(missing.err, "does not exist"));
  // A stale socket.
  const std::string path = folder.path + "/stale.sock";
  {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    const Address address = *Address::parse("unix:" + path);
    REQUIRE(::bind(socket.get(), address.socket_address(), address.length()) == 0);
  }
  const Said stale = run({"failover", "--socket", path});
  CHECK(stale.code == 69);
  CHECK(has(stale.err, "nobody listens"));
}

TEST_CASE("permission_denied_is_69_and_says_which_user_group_and_mode") {
  if (::geteuid() != 0) return;
  const ControlFixture fixture;
  REQUIRE(::chmod(fixture.folder.path.c_str(), 0755) == 0);
  // The bare system calls change the rights of one thread only, which is then thrown away.
  Said said;
  std::thread([&] {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, 65534, 65534, 65534) != 0 ||
        ::syscall(SYS_setresuid, 65534, 65534, 65534) != 0) {
      return;
    }
    said = run({"status", "--socket", fixture.socket_path});
  }).join();
  CHECK(said.code == 69);
  CHECK(has(said.err, "permission denied"));
  CHECK(has(said.err, "mode 0660, owner root, group root; you are nobody"));
}

TEST_CASE("a_change_is_0_and_prints_the_lines_of_the_contract") {
  const ControlFixture fixture;
  const Said said = run(fixture, {"failover", "--reason", "disk failure at host A"});
  CHECK(said.code == 0);
  CHECK(said.out.starts_with(
      "salon: primary -> backup-readonly, epoch 2, \"disk failure at host A\"\napplied by 2 of 2 workers in "));
  CHECK(has(said.out, "\n0 writes were in flight to the primary\nfenced after "));
  CHECK(has(said.out,
            "halfdoor sends nothing more to the primary; a host that hangs may still execute what it had received\n"));
  CHECK(said.err.empty());
}

TEST_CASE("the_socket_may_stand_before_the_verb_or_in_the_environment") {
  const ControlFixture fixture;
  CHECK(run({"--socket", fixture.socket_path, "status"}).code == 0);
  ::setenv("HALFDOOR_SOCKET", fixture.socket_path.c_str(), 1);
  CHECK(run({"status"}).code == 0);
  ::unsetenv("HALFDOOR_SOCKET");
}

TEST_CASE("a_refusal_is_2_with_each_rule_on_a_line_and_so_is_a_dry_run_that_would_be_refused") {
  const ControlFixture fixture;
  CHECK(run(fixture, {"failover"}).code == 0);
  const Said said = run(fixture, {"failback"});
  CHECK(said.code == 2);
  CHECK(said.err.starts_with("salon: refused by minimum-stay: "));
  CHECK(run(fixture, {"failback", "--dry-run"}).code == 2);
  CHECK(run(fixture, {"failback", "--dry-run", "--override", "minimum-stay"}).code == 0);
  CHECK(run(fixture, {"failback", "--override", "no-such-rule"}).code == 2);
  CHECK(run(fixture, {"close", "--expect-epoch", "1"}).code == 2);
  CHECK(run(fixture, {"failback", "--override", "minimum-stay", "--override", "caught-up"}).code == 0);
}

TEST_CASE("not_complete_within_wait_is_75_saying_whether_it_is_applied") {
  const ControlFixture fixture;
  fixture.workers[0]->is_draining = true;
  const Said draining = run(fixture, {"failover", "--wait", "100ms"});
  CHECK(draining.code == 75);
  CHECK(has(draining.out, "applied by 2 of 2 workers"));
  CHECK(has(draining.out, "not fenced yet"));
  fixture.workers[1]->is_stuck = true;
  const Said stuck = run(fixture, {"close", "--wait", "0s"});
  CHECK(stuck.code == 75);
  CHECK(has(stuck.out, "not applied: only 1 of 2 workers"));
  CHECK(has(stuck.out, "\nNOT SAFE: worker 1 "));
}

TEST_CASE("several_services_have_to_be_named_or_all_of_them_meant") {
  const ControlFixture fixture({"salon", "shop"});
  const Said unnamed = run(fixture, {"failover"});
  CHECK(unnamed.code == 64);
  CHECK(has(unnamed.err, "salon, shop"));
  CHECK(run(fixture, {"notice"}).code == 64);
  CHECK(run(fixture, {"failover", "shop"}).code == 0);
  const Said all = run(fixture, {"failover", "--all"});
  CHECK(all.code == 0);
  CHECK(has(all.out, "salon: primary -> backup-readonly"));
  CHECK(has(all.out, "shop: backup-readonly, no change"));
  const Said unknown = run(fixture, {"failover", "nope"});
  CHECK(unknown.code == 2);
  CHECK(has(unknown.err, "known: salon, shop"));
}

TEST_CASE("all_returns_the_worst_code") {
  const ControlFixture fixture({"salon", "shop"});
  CHECK(run(fixture, {"failover", "salon"}).code == 0);
  // shop is in primary already; salon has not stayed long enough.
  CHECK(run(fixture, {"failback", "--all"}).code == 2);
}

TEST_CASE("reading_commands_show_all_services_each_entry_with_its_own") {
  const ControlFixture fixture({"salon", "shop"});
  CHECK(run(fixture, {"failover", "--all"}).code == 0);
  const Said history = run(fixture, {"history", "--json"});
  CHECK(history.code == 0);
  const nlohmann::json changes = nlohmann::json::parse(history.out)["changes"];
  REQUIRE(changes.size() == 2);
  CHECK(changes[0]["service"] == "salon");
  CHECK(changes[1]["service"] == "shop");
  CHECK(nlohmann::json::parse(run(fixture, {"history", "shop", "--json"}).out)["changes"].size() == 1);
  CHECK(has(run(fixture, {"history"}).out, "primary -> backup-readonly"));
  CHECK(run(fixture, {"uncertain"}).out == "no uncertain writes\n");
  CHECK(nlohmann::json::parse(run(fixture, {"uncertain", "--json"}).out)["writes"].empty());
  CHECK(run(fixture, {"history", "nope"}).code == 2);
}

TEST_CASE("status_is_the_api_s_own_json_or_a_table") {
  const ControlFixture fixture({"salon", "shop"});
  const nlohmann::json status = nlohmann::json::parse(run(fixture, {"status", "--json"}).out);
  CHECK(status["services"].size() == 2);
  CHECK(nlohmann::json::parse(run(fixture, {"status", "shop", "--json"}).out)["services"].size() == 1);
  const std::string table = run(fixture, {"status"}).out;
  CHECK(has(table, "salon: primary"));
  CHECK(has(table, "not checked"));
  CHECK(table.find('\x1b') == std::string::npos);
  CHECK_FALSE(has(run(fixture, {"status", "shop"}).out, "salon:"));
  CHECK(run(fixture, {"status", "nope"}).code == 2);
}

TEST_CASE("exchanges_and_notice_are_shown") {
  const ControlFixture fixture;
  CHECK(has(run(fixture, {"exchanges"}).out, "POST /bookings"));
  CHECK(nlohmann::json::parse(run(fixture, {"exchanges", "--json"}).out)["exchanges"].size() == 2);
  CHECK(has(run(fixture, {"notice", "--format", "html"}).out, "<html"));
  CHECK(run(fixture, {"notice", "--lang", "../etc"}).code == 64);
}

TEST_CASE("what_this_version_cannot_do_is_2") {
  const ControlFixture fixture;
  CHECK(run(fixture, {"reload"}).code == 2);
  CHECK(has(run(fixture, {"upgrade"}).err, "not in this version"));
}

}  // namespace halfdoor
