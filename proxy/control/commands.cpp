#include "control/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

#include "control/exit_code.h"
#include "control/json_read.h"
#include "control/report_text.h"

namespace halfdoor {

namespace {

constexpr std::chrono::seconds kWatchEvery{1};

nlohmann::json parse_json(const std::string& body) { return nlohmann::json::parse(body, nullptr, false); }

int unreachable(const Error& error, CommandIo io) {
  io.err << "halfdoor: " << error.message << "\n";
  return kExitUnreachable;
}

std::string names_of(const std::vector<KnownService>& services) {
  std::string names;
  for (const KnownService& service : services) names += (names.empty() ? "" : ", ") + service.name;
  return names;
}

// Only letters that a service name can have need no escape; anything else names no service anyway.
std::string target_of(const std::string& service, const char* what) {
  return fmt::format("/v1/services/{}/{}", service, what);
}

// The rows under `key` of each chosen service, each with its service.
int collect(const char* what, const char* key, const CommandOptions& options, CommandIo io, nlohmann::json& rows) {
  const ControlClient client(options.socket);
  const ChosenServices chosen = choose_services(client, options, WhenNoneNamed::all, io);
  if (chosen.exit_code != kExitDone) return chosen.exit_code;
  rows = nlohmann::json::array();
  for (const KnownService& service : chosen.services) {
    const Result<ControlReply> reply = client.get(target_of(service.name, what));
    if (!reply) return unreachable(reply.error(), io);
    if (reply->status != 200) return report_error(service.name, *reply, io);
    const nlohmann::json answer = parse_json(reply->body);
    for (nlohmann::json row : array_of(answer, key)) {
      if (row.is_object()) row["service"] = service.name;
      rows.push_back(std::move(row));
    }
  }
  return kExitDone;
}

std::string pretty(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

int report_error(const std::string& about, const ControlReply& reply, CommandIo io) {
  const nlohmann::json problem = parse_json(reply.body);
  if (problem.is_object()) {
    io.err << describe_refusal(about, problem);
  } else {
    io.err << fmt::format("{}: the daemon answered {}\n", about, reply.status);
  }
  const bool cannot_now = reply.status == 403 || reply.status == 503 || (reply.status == 500);
  return cannot_now ? kExitUnreachable : kExitRefused;
}

ChosenServices choose_services(const ControlClient& client, const CommandOptions& options, WhenNoneNamed none_named,
                               CommandIo io) {
  const Result<ControlReply> reply = client.get("/v1/status");
  if (!reply) return {{}, unreachable(reply.error(), io)};
  if (reply->status != 200) return {{}, report_error("halfdoor", *reply, io)};
  std::vector<KnownService> known;
  const nlohmann::json status = parse_json(reply->body);
  for (const auto& service : array_of(status, "services")) {
    known.push_back({text_of(service, "name"), Milliseconds(number_of(service, "drain_ms"))});
  }
  if (!options.service.empty()) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const KnownService& s) { return s.name == options.service; });
    if (found != known.end()) return {{*found}, kExitDone};
    io.err << fmt::format("halfdoor: there is no service \"{}\"; known: {}\n", options.service, names_of(known));
    return {{}, kExitRefused};
  }
  if (none_named == WhenNoneNamed::only_one && !options.all && known.size() != 1) {
    io.err << fmt::format("halfdoor: there are several services, name one of them: {}\n", names_of(known));
    return {{}, kExitUsage};
  }
  return {known, kExitDone};
}

int show_status(const CommandOptions& options, CommandIo io) {
  const ControlClient client(options.socket);
  while (true) {
    const Result<ControlReply> reply = client.get("/v1/status");
    if (!reply) return unreachable(reply.error(), io);
    if (reply->status != 200) return report_error("halfdoor", *reply, io);
    nlohmann::json status = parse_json(reply->body);
    if (!options.service.empty()) {
      const ChosenServices chosen = choose_services(client, options, WhenNoneNamed::all, io);
      if (chosen.exit_code != kExitDone) return chosen.exit_code;
    }
    if (options.watch && io.colours) io.out << "\x1b[H\x1b[2J";
    if (options.json) {
      if (!options.service.empty()) {
        auto& services = status["services"];
        services.erase(std::remove_if(services.begin(), services.end(),
                                      [&](const auto& service) { return text_of(service, "name") != options.service; }),
                       services.end());
      }
      io.out << pretty(status);
    } else {
      io.out << describe_status(status, {options.service, io.colours, std::chrono::system_clock::now()});
    }
    io.out.flush();
    if (!options.watch || !io.out) return kExitDone;
    std::this_thread::sleep_for(kWatchEvery);
  }
}

int show_history(const CommandOptions& options, CommandIo io) {
  nlohmann::json rows;
  if (const int code = collect("history", "changes", options, io, rows); code != kExitDone) return code;
  io.out << (options.json ? pretty({{"changes", rows}}) : describe_history(rows));
  return kExitDone;
}

int show_uncertain(const CommandOptions& options, CommandIo io) {
  nlohmann::json rows;
  if (const int code = collect("uncertain", "writes", options, io, rows); code != kExitDone) return code;
  io.out << (options.json ? pretty({{"writes", rows}}) : describe_uncertain(rows));
  return kExitDone;
}

int show_exchanges(const CommandOptions& options, CommandIo io) {
  const Result<ControlReply> reply = ControlClient(options.socket).get("/v1/exchanges");
  if (!reply) return unreachable(reply.error(), io);
  if (reply->status != 200) return report_error("halfdoor", *reply, io);
  const nlohmann::json answer = parse_json(reply->body);
  io.out << (options.json ? pretty(answer) : describe_exchanges(answer));
  return kExitDone;
}

int show_notice(const CommandOptions& options, CommandIo io) {
  const ControlClient client(options.socket);
  const ChosenServices chosen = choose_services(client, options, WhenNoneNamed::only_one, io);
  if (chosen.exit_code != kExitDone) return chosen.exit_code;
  const auto is_tag = [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-';
  };
  if (!std::all_of(options.language.begin(), options.language.end(), is_tag) || options.language.size() > 35) {
    io.err << "halfdoor: --lang: write a language tag, as in de or pt-BR\n";
    return kExitUsage;
  }
  const std::string target = fmt::format("{}?format={}&lang={}", target_of(chosen.services.front().name, "notice"),
                                         options.format.empty() ? "text" : options.format, options.language);
  const Result<ControlReply> reply = client.get(target);
  if (!reply) return unreachable(reply.error(), io);
  if (reply->status != 200) return report_error(chosen.services.front().name, *reply, io);
  io.out << reply->body;
  if (!reply->body.empty() && reply->body.back() != '\n') io.out << "\n";
  return kExitDone;
}

int post_plain(const std::string& target, const CommandOptions& options, CommandIo io) {
  const nlohmann::json body{{"dry_run", options.dry_run}};
  const Result<ControlReply> reply = ControlClient(options.socket).post(target, body.dump(), Milliseconds(30'000));
  if (!reply) return unreachable(reply.error(), io);
  if (reply->status != 200) return report_error("halfdoor", *reply, io);
  io.out << reply->body << "\n";
  return kExitDone;
}

}  // namespace halfdoor
