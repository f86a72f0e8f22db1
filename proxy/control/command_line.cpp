#include "control/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "config/config.h"
#include "control/check_names.h"
#include "control/commands.h"
#include "control/exit_code.h"
#include "control/version.h"

namespace halfdoor {

namespace {

constexpr char kDefaultSocket[] = "/run/halfdoor/control.sock";

std::string default_socket() {
  const char* named = std::getenv("HALFDOOR_SOCKET");
  return named != nullptr && *named != '\0' ? named : kDefaultSocket;
}

int check_file(const std::string& file, CommandIo io) {
  const LoadedConfig loaded = load_config(file);
  for (const std::string& warning : loaded.warnings) io.err << "warning: " << warning << "\n";
  for (const std::string& problem : loaded.problems) io.err << problem << "\n";
  if (!loaded.config) return kExitRefused;
  for (const std::string& line : find_unresolved_names(loaded.config)) {
    io.err << "warning: " << file << ": " << line << "\n";
  }
  io.out << file << ": ok\n";
  return kExitDone;
}

struct VerbHelp {
  Verb verb;
  const char* text;
};
constexpr VerbHelp kVerbHelp[] = {
    {Verb::failover, "send everybody to the backup, read-only"},
    {Verb::failback, "send everybody to the primary again"},
    {Verb::freeze, "refuse writes, on the side that serves"},
    {Verb::thaw, "let writes pass again on the primary"},
    {Verb::promote, "let writes pass on the backup: the primary will lack them"},
    {Verb::close, "show everybody the notice"},
};

// The tree of commands; the one that was chosen leaves its work in `chosen`.
class CommandTree {
 public:
  CommandTree(CommandIo io, const RunDaemon& run_daemon) : io_(io), run_daemon_(run_daemon) {
    app_.require_subcommand(1);
    // `--socket` may stand behind the verb too.
    app_.fallthrough();
    app_.add_option("--socket", options_.socket, "the daemon's control socket")->default_str(default_socket());
    options_.socket = default_socket();
    add_daemon_commands();
    for (const VerbHelp& help : kVerbHelp) add_change(help);
    add_reading_commands();
    add_simple_commands();
  }

  int parse_and_run(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp& help) {
      app_.exit(help, io_.out, io_.err);
      return kExitDone;
    } catch (const CLI::Success&) {
      return kExitDone;
    } catch (const CLI::ParseError& error) {
      io_.err << "halfdoor: " << error.what() << "\n(halfdoor --help says what there is)\n";
      return kExitUsage;
    }
    return chosen_();
  }

 private:
  CLI::App* add(const std::string& name, const std::string& text, std::function<int()> work) {
    CLI::App* command = app_.add_subcommand(name, text);
    command->callback([this, work = std::move(work)] { chosen_ = work; });
    return command;
  }

  void add_daemon_commands() {
    CLI::App* run = add("run", "serve, in the foreground", [this] { return run_daemon_(config_file_); });
    run->add_option("-c,--config", config_file_, "the configuration")->required();
    CLI::App* check = add("check", "validate a configuration", [this] { return check_file(config_file_, io_); });
    check->add_option("-c,--config", config_file_, "the configuration")->required();
  }

  void add_change(const VerbHelp& help) {
    CLI::App* command = add(std::string(to_text(help.verb)), help.text,
                            [this, verb = help.verb] { return change_mode(verb, options_, io_); });
    CLI::Option* service = command->add_option("service", options_.service, "may be left out when there is one");
    command->add_flag("--all", options_.all, "every service")->excludes(service);
    command->add_option("--reason", options_.reason, "why; shown in status, history and notice");
    command->add_option("--until", options_.until, "when it is expected to end: RFC 3339, HH:MM (local) or +2h");
    command->add_option("--override", options_.overrides, "pass this guard; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_flag("--dry-run", options_.dry_run, "only say whether it would be refused");
    command->add_option("--wait", options_.wait,
                        "how long to wait until it is complete (default: the larger of 30s and "
                        "drain + 5s); 0s: answer when it is applied");
    command->add_option("--expect-epoch", options_.expect_epoch, "refuse if the epoch is another by now");
  }

  CLI::App* add_reading(const char* name, const char* text, int (*show)(const CommandOptions&, CommandIo)) {
    CLI::App* command = add(name, text, [this, show] { return show(options_, io_); });
    command->add_flag("--json", options_.json, "as the control API says it");
    return command;
  }

  void add_reading_commands() {
    CLI::App* status = add_reading("status", "which side serves, and how it is", show_status);
    status->add_option("service", options_.service, "only this one");
    status->add_flag("--watch", options_.watch, "again and again");
    add_reading("history", "every mode change: when, who, why", show_history)->add_option("service", options_.service);
    add_reading("uncertain", "writes whose outcome is unknown", show_uncertain)
        ->add_option("service", options_.service);
    add_reading("exchanges", "what is in flight now, and where", show_exchanges);
    CLI::App* notice = add("notice", "what a refused client sees", [this] { return show_notice(options_, io_); });
    notice->add_option("service", options_.service, "may be left out when there is one");
    notice->add_option("--lang", options_.language, "en, de, ...");
    notice->add_option("--format", options_.format, "html, json or text")
        ->check(CLI::IsMember({"html", "json", "text"}));
  }

  void add_simple_commands() {
    CLI::App* reload = add("reload", "re-read configuration and certificates",
                           [this] { return post_plain("/v1/reload", options_, io_); });
    reload->add_flag("--dry-run", options_.dry_run, "only say what would happen");
    add("upgrade", "hand over to the binary now on disk", [this] { return post_plain("/v1/upgrade", options_, io_); });
    add("version", "the version of this program", [this] {
      io_.out << "halfdoor " << kVersion << "\n";
      return static_cast<int>(kExitDone);
    });
  }

  CommandIo io_;
  const RunDaemon& run_daemon_;
  CLI::App app_{"halfdoor stands in front of a primary and a backup, and switches between them at once", "halfdoor"};
  CommandOptions options_;
  std::string config_file_;
  std::function<int()> chosen_ = [] { return static_cast<int>(kExitUsage); };
};

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, CommandIo io, const RunDaemon& run_daemon) {
  return CommandTree(io, run_daemon).parse_and_run(arguments);
}

}  // namespace halfdoor
