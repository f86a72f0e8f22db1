// What the commands of the command line have in common: their options, and the questions to the daemon behind them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "config/mode.h"
#include "control/command_line.h"
#include "control/control_client.h"

namespace halfdoor {

struct CommandOptions {
  std::string socket;
  std::string service;  // empty: left out
  bool all = false;
  bool json = false;
  bool watch = false;
  // Of a change.
  std::string reason;
  std::string until;
  std::vector<std::string> overrides;
  bool dry_run = false;
  std::string wait;  // empty: the larger of 30 s and drain + 5 s
  std::optional<uint64_t> expect_epoch;
  // Of notice.
  std::string language;
  std::string format;
};

int change_mode(Verb verb, const CommandOptions& options, CommandIo io);

int show_status(const CommandOptions& options, CommandIo io);
int show_history(const CommandOptions& options, CommandIo io);
int show_uncertain(const CommandOptions& options, CommandIo io);
int show_exchanges(const CommandOptions& options, CommandIo io);
int show_notice(const CommandOptions& options, CommandIo io);
// A command of the daemon that has no argument but `--dry-run`: "/v1/reload".
int post_plain(const std::string& target, const CommandOptions& options, CommandIo io);

struct KnownService {
  std::string name;
  Milliseconds drain{0};
};
// The services that a command is about; prints what is wrong and returns its exit code.
struct ChosenServices {
  std::vector<KnownService> services;
  int exit_code = 0;
};
enum class WhenNoneNamed { all, only_one };
ChosenServices choose_services(const ControlClient& client, const CommandOptions& options, WhenNoneNamed none_named,
                               CommandIo io);
// Prints an error answer of the daemon and returns the exit code that fits it.
int report_error(const std::string& about, const ControlReply& reply, CommandIo io);

}  // namespace halfdoor
