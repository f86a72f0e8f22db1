// The command line of the demo salon: a host, or an operator's word to one.
#include <event2/event.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "api.h"
#include "ctl.h"
#include "options.h"
#include "pages.h"
#include "replication.h"
#include "replication_api.h"
#include "server.h"
#include "test_endpoints.h"

namespace {

using namespace salon;

constexpr int exit_usage = 64;
constexpr int exit_failure = 1;

// What was typed, before it is understood.
struct Typed {
  std::string role;
  std::string listen;
  std::string data;
  std::string peer;
  std::string secret;
  std::string secret_file;
  std::string name;
  std::string halfdoor;
  std::string log;
  std::int64_t peer_wait_ms = 3000;
  std::string verb;
  std::string host;
  bool is_forced = false;
  std::int64_t wait_s = 0;
};

class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string read_secret(const Typed& typed) {
  if (typed.secret.empty() == typed.secret_file.empty())
    throw UsageError("give either --secret-file FILE or --secret TEXT");
  return typed.secret.empty() ? read_secret_file(typed.secret_file) : typed.secret;
}

Options read_options(const Typed& typed) {
  Options options;
  if (typed.role != "primary" && typed.role != "backup") throw UsageError("--role must be primary or backup");
  options.is_primary = typed.role == "primary";
  options.name = !typed.name.empty() ? typed.name : options.is_primary ? "A" : "B";
  const auto listen = parse_listen(typed.listen);
  if (!listen) throw UsageError("--listen must look like 127.0.0.1:8081; port 0 takes any that is free");
  options.listen = *listen;
  if (typed.data.empty()) throw UsageError("--data must name a folder; it is created if missing");
  options.data = typed.data;
  if (!typed.peer.empty()) {
    options.peer = parse_url(typed.peer);
    if (!options.peer) throw UsageError("--peer must look like http://127.0.0.1:8082");
  }
  options.secret = read_secret(typed);
  options.halfdoor_url = typed.halfdoor;
  if (!typed.halfdoor.empty() && !typed.halfdoor.starts_with("http://") && !typed.halfdoor.starts_with("https://")) {
    throw UsageError("--halfdoor must be an http or https URL");
  }
  options.log = typed.log;
  options.peer_wait_ms = typed.peer_wait_ms;
  return options;
}

int run_host(const Options& options) {
  const std::unique_ptr<event_base, void (*)(event_base*)> base(event_base_new(), event_base_free);
  if (base == nullptr) throw std::runtime_error("cannot create an event loop");
  const auto stop = [](evutil_socket_t, short, void* loop) { event_base_loopbreak(static_cast<event_base*>(loop)); };
  using Event = std::unique_ptr<event, void (*)(event*)>;
  const Event on_term(evsignal_new(base.get(), SIGTERM, stop, base.get()), event_free);
  const Event on_int(evsignal_new(base.get(), SIGINT, stop, base.get()), event_free);
  evsignal_add(on_term.get(), nullptr);
  evsignal_add(on_int.get(), nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Replication replication(base.get(), options);
  Server server(base.get(), options, replication);
  add_pages(server);
  add_api(server);
  add_replication_endpoints(server);
  add_test_endpoints(server);
  const Endpoint listening = server.listen();
  replication.start(listening.url());
  fmt::print("salon {} listening on {}\n", options.is_primary ? "primary" : "backup",
             listening.url().substr(std::string_view("http://").size()));
  std::fflush(stdout);
  event_base_dispatch(base.get());
  server.stop();
  replication.stop();
  return 0;
}

void describe_host_options(CLI::App& app, Typed& typed) {
  app.add_option("--role", typed.role, "primary or backup: what halfdoor knows this host as");
  app.add_option("--listen", typed.listen, "address and port; port 0 takes any that is free");
  app.add_option("--data", typed.data, "folder of the database");
  app.add_option("--peer", typed.peer, "URL of the other host; left out: learned when the other one asks");
  app.add_option("--secret", typed.secret, "shared by both hosts: signs cookies, opens /replication");
  app.add_option("--secret-file", typed.secret_file, "file with the secret in its first line");
  app.add_option("--name", typed.name, "shown on every page (A for the primary, B for the backup)");
  app.add_option("--halfdoor", typed.halfdoor, "URL that clients should use");
  app.add_option("--log", typed.log, "file for the request log (standard output)");
  app.add_option("--peer-wait-ms", typed.peer_wait_ms,
                 "how long a restarted source asks its peer before it takes writes")
      ->check(CLI::Range(0, 600'000));
}

CLI::App* describe_ctl(CLI::App& app, Typed& typed) {
  CLI::App* ctl = app.add_subcommand("ctl", "tell a host what to do");
  ctl->add_option("verb", typed.verb, "promote, freeze, follow, status or caught-up")
      ->required()
      ->check(CLI::IsMember({"promote", "freeze", "follow", "status", "caught-up"}));
  ctl->add_option("--host", typed.host, "URL of the host itself, not of halfdoor")->required();
  ctl->add_option("--secret", typed.secret, "the secret of the hosts");
  ctl->add_option("--secret-file", typed.secret_file, "file with the secret in its first line");
  ctl->add_flag("--force", typed.is_forced, "promote: give up what only the peer has");
  ctl->add_option("--wait", typed.wait_s, "caught-up: seconds to ask again until it is true")
      ->check(CLI::Range(0, 86'400));
  return ctl;
}

int run(int argc, char** argv) {
  CLI::App app("The demo salon: one of the two hosts behind halfdoor.", "salon");
  Typed typed;
  describe_host_options(app, typed);
  const CLI::App* ctl = describe_ctl(app, typed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  if (!ctl->parsed()) return run_host(read_options(typed));
  const auto host = parse_url(typed.host);
  if (!host) throw UsageError("--host must look like http://127.0.0.1:8081");
  return run_ctl({typed.verb, *host, read_secret(typed), typed.is_forced, typed.wait_s});
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const UsageError& error) {
    fmt::print(stderr, "salon: {}\n", error.what());
    return exit_usage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "salon: {}\n", error.what());
    return exit_failure;
  }
}
