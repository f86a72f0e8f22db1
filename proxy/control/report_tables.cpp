#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "control/json_read.h"
#include "control/report_text.h"

namespace halfdoor {

namespace {

using Row = std::vector<std::string>;

// Control bytes of a request or a reason must not reach the operator's terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string make_table(const std::vector<Row>& rows, std::string_view indent) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string or_dash(const nlohmann::json& object, const char* key) {
  const std::string text = printable(text_of(object, key));
  return text.empty() ? "-" : text;
}

std::string for_people(Milliseconds span) {
  const int64_t seconds = std::max<int64_t>(0, span.count() / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string ago(const std::string& time, WallTime now) {
  const auto then = parse_rfc3339(time);
  if (!then) return "";
  return fmt::format(" ({} ago)", for_people(std::chrono::duration_cast<Milliseconds>(now - *then)));
}

std::string coloured(const std::string& text, const char* colour, const StatusView& view) {
  return view.colours ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : text;
}

constexpr char kGreen[] = "1;32", kYellow[] = "1;33", kRed[] = "1;31";

const char* colour_of(const std::string& mode) {
  if (mode == "primary") return kGreen;
  return mode == "closed" ? kRed : kYellow;
}

std::string meaning_of(const std::string& mode) {
  if (mode == "primary") return "reads and writes go to the primary";
  if (mode == "primary-readonly") return "reads go to the primary, writes are refused";
  if (mode == "backup-readonly") return "reads go to the backup, writes are refused";
  if (mode == "backup-writable") return "reads and writes go to the BACKUP";
  return "everybody gets the notice";
}

// "200 in 3 ms", "connection refused".
std::string describe_check(const nlohmann::json& server) {
  const std::string text = or_dash(server, "last_check");
  return text == "-" ? text : fmt::format("{} in {} ms", text, number_of(server, "last_check_ms"));
}

// As written; of a name, where it leads.
std::string describe_address(const nlohmann::json& server) {
  std::string written = or_dash(server, "address");
  const nlohmann::json& resolved = array_of(server, "resolved");
  if (resolved.empty()) return server.contains("resolved") ? written + " (not resolved)" : written;
  const std::string first = resolved.front().is_string() ? printable(resolved.front().get<std::string>()) : "-";
  if (first == written && resolved.size() == 1) return written;
  const std::string more = resolved.size() > 1 ? fmt::format(" and {} more", resolved.size() - 1) : "";
  return fmt::format("{} ({}{})", written, first, more);
}

void add_servers(std::vector<Row>& rows, const nlohmann::json& service, const std::string& side) {
  const auto found = service.find(side);
  if (found == service.end()) return;
  const bool serves = text_of(service, "active") == side;
  for (const auto& server : array_of(*found, "servers")) {
    const auto healthy = server.find("healthy");
    std::string health = "not checked";
    if (healthy != server.end() && healthy->is_boolean()) health = healthy->get<bool>() ? "healthy" : "DOWN";
    rows.push_back({side, serves ? "serves" : "-", describe_address(server), health,
                    std::to_string(number_of(server, "in_flight")), std::to_string(number_of(server, "pooled")),
                    std::to_string(number_of(server, "failures")), describe_check(server)});
  }
}

std::string describe_service(const nlohmann::json& service, const StatusView& view) {
  const std::string mode = text_of(service, "mode"), since = text_of(service, "since");
  std::string text = fmt::format("{}: {}  epoch {}: {}\n", text_of(service, "name"),
                                 coloured(mode, colour_of(mode), view), number_of(service, "epoch"), meaning_of(mode));
  text += fmt::format("  since {}{} by {}", since, ago(since, view.now), or_dash(service, "actor"));
  if (const std::string reason = printable(text_of(service, "reason")); !reason.empty())
    text += fmt::format(": \"{}\"", reason);
  if (const std::string until = text_of(service, "until"); !until.empty()) text += fmt::format(", until {}", until);
  text += "\n";
  if (!flag_of(service, "fenced", true)) {
    text += coloured("  NOT FENCED: exchanges of the mode before are still in flight\n", kRed, view);
  }
  if (flag_of(service, "not_persisted")) {
    text +=
        coloured("  NOT PERSISTED: the latch is not on the disk, a restart would not know of this mode\n", kRed, view);
  }
  for (const auto& line : array_of(service, "not_safe")) {
    if (line.is_string()) text += coloured(fmt::format("  NOT SAFE: {}\n", line.get<std::string>()), kRed, view);
  }
  if (flag_of(service, "diverged"))
    text += coloured("  DIVERGED: the primary lacks what was written to the backup\n", kRed, view);
  if (!flag_of(service, "acknowledged", true)) {
    text += coloured("  changed automatically, and no operator has acknowledged it yet\n", kYellow, view);
  }
  for (const auto& reminder : array_of(service, "reminders")) {
    text += coloured(fmt::format("  FORGOTTEN? {}\n", printable(text_of(reminder, "message"))), kRed, view);
  }
  if (const int64_t uncertain = number_of(service, "uncertain"); uncertain > 0) {
    text += coloured(
        fmt::format("  {} uncertain writes are listed: halfdoor uncertain {}\n", uncertain, text_of(service, "name")),
        kYellow, view);
  }
  std::vector<Row> rows{{"SIDE", "ROLE", "SERVER", "HEALTH", "IN FLIGHT", "POOLED", "FAILURES", "LAST CHECK"}};
  add_servers(rows, service, "primary");
  add_servers(rows, service, "backup");
  return text + make_table(rows, "  ");
}

}  // namespace

std::string describe_status(const nlohmann::json& status, const StatusView& view) {
  const int64_t workers = number_of(status, "workers");
  std::string text =
      fmt::format("halfdoor {}, pid {}, up {}, {} {}, generation {}\n", text_of(status, "version"),
                  number_of(status, "pid"), for_people(Milliseconds(number_of(status, "uptime_s") * 1000)), workers,
                  workers == 1 ? "worker" : "workers", number_of(status, "generation"));
  for (const auto& listener : array_of(status, "listeners"))
    text += fmt::format("listening on {}\n", text_of(listener, "address"));
  for (const auto& warning : array_of(status, "warnings")) {
    if (warning.is_string()) text += coloured(fmt::format("WARNING: {}\n", warning.get<std::string>()), kRed, view);
  }
  for (const auto& service : array_of(status, "services")) {
    if (!view.only_service.empty() && text_of(service, "name") != view.only_service) continue;
    text += "\n" + describe_service(service, view);
  }
  return text;
}

std::string describe_history(const nlohmann::json& changes) {
  std::vector<Row> rows{{"TIME", "SERVICE", "EPOCH", "CHANGE", "ACTOR", "REASON"}};
  for (const auto& change : changes) {
    std::string what = text_of(change, "from") + " -> " + text_of(change, "to");
    if (text_of(change, "from") == text_of(change, "to")) what = text_of(change, "to") + " (note)";
    std::string reason = printable(text_of(change, "reason"));
    if (const std::string refused = printable(text_of(change, "refused")); !refused.empty()) {
      what += " REFUSED";
      reason += reason.empty() ? refused : "; " + refused;
    }
    for (const auto& rule : array_of(change, "overrides")) {
      if (rule.is_string()) reason += fmt::format("{}override {}", reason.empty() ? "" : "; ", rule.get<std::string>());
    }
    if (number_of(change, "writes_uncertain") > 0) {
      reason += fmt::format("{}{} uncertain", reason.empty() ? "" : "; ", number_of(change, "writes_uncertain"));
    }
    rows.push_back({text_of(change, "time"), text_of(change, "service"), std::to_string(number_of(change, "epoch")),
                    what, or_dash(change, "actor"), reason});
  }
  return rows.size() == 1 ? "no changes yet\n" : make_table(rows, "");
}

std::string describe_uncertain(const nlohmann::json& writes) {
  std::vector<Row> rows{{"TIME", "SERVICE", "EPOCH", "WRITE", "CLIENT", "SERVER", "SENT", "REQUEST", "WHY"}};
  for (const auto& write : writes) {
    rows.push_back({text_of(write, "time"), or_dash(write, "service"), std::to_string(number_of(write, "epoch")),
                    printable(text_of(write, "method") + " " + text_of(write, "path")), or_dash(write, "client"),
                    text_of(write, "side") + " " + or_dash(write, "server"),
                    std::to_string(number_of(write, "bytes_sent")), or_dash(write, "request_id"),
                    or_dash(write, "why")});
  }
  return rows.size() == 1 ? "no uncertain writes\n" : make_table(rows, "");
}

std::string describe_exchanges(const nlohmann::json& answer) {
  std::vector<Row> rows{{"SERVICE", "EPOCH", "STATE", "AGE", "REQUEST", "CLIENT", "SERVER", "IN", "OUT", "ID"}};
  for (const auto& exchange : array_of(answer, "exchanges")) {
    rows.push_back({or_dash(exchange, "service"), std::to_string(number_of(exchange, "epoch")),
                    or_dash(exchange, "state"), fmt::format("{} ms", number_of(exchange, "age_ms")),
                    printable(text_of(exchange, "method") + " " + text_of(exchange, "path")),
                    or_dash(exchange, "client"), or_dash(exchange, "side") + " " + or_dash(exchange, "server"),
                    std::to_string(number_of(exchange, "bytes_in")), std::to_string(number_of(exchange, "bytes_out")),
                    or_dash(exchange, "request_id")});
  }
  std::string text = rows.size() == 1 ? "nothing is in flight\n" : make_table(rows, "");
  for (const auto& worker : array_of(answer, "silent_workers")) {
    text += fmt::format("worker {} did not answer: its exchanges are not shown\n", worker.dump());
  }
  return text;
}

}  // namespace halfdoor
