#include <fmt/format.h>

#include "config/mode.h"
#include "control/json_read.h"
#include "control/report_text.h"

namespace halfdoor {

namespace {

// "0.4 ms" as long as a fraction says something, else "41 ms".
std::string in_ms(double ms) { return ms < 10 ? fmt::format("{:.1f} ms", ms) : fmt::format("{:.0f} ms", ms); }

std::string headline(const nlohmann::json& answer) {
  const std::string service = text_of(answer, "service"), from = text_of(answer, "from"), to = text_of(answer, "to"),
                    mode = text_of(answer, "mode");
  const int64_t epoch = number_of(answer, "epoch");
  std::string line;
  if (flag_of(answer, "dry_run")) {
    line = from == to ? fmt::format("{}: would stay {}, epoch {}", service, to, epoch)
                      : fmt::format("{}: would go {} -> {}", service, from, to);
  } else if (from == to) {
    line = fmt::format("{}: {}, no change, epoch {}", service, mode, epoch);
  } else if (from == mode) {
    line = fmt::format("{}: {} -> {} accepted, still epoch {}", service, from, to, epoch);
  } else {
    line = fmt::format("{}: {} -> {}, epoch {}", service, from, mode, epoch);
    if (to != mode) line += fmt::format(", on the way to {}", to);
  }
  if (const std::string reason = text_of(answer, "reason"); !reason.empty() && from != mode) {
    line += fmt::format(", \"{}\"", reason);
  }
  return line + "\n";
}

std::string applied_line(const nlohmann::json& answer) {
  const int64_t applied = number_of(answer, "applied_workers"), workers = number_of(answer, "workers");
  if (flag_of(answer, "applied")) {
    return fmt::format("applied by {} of {} workers in {}\n", applied, workers,
                       in_ms(decimal_of(answer, "applied_ms")));
  }
  if (number_of(answer, "generation") == 0) return "not applied: the change has not begun yet, others are before it\n";
  return fmt::format("not applied: only {} of {} workers so far\n", applied, workers);
}

std::string writes_line(const nlohmann::json& answer) {
  const std::string left = text_of(answer, "left");
  if (left.empty()) return "";
  const int64_t writes = number_of(answer, "writes_in_flight");
  if (writes == 0) return fmt::format("0 writes were in flight to the {}\n", left);
  const int64_t finished = number_of(answer, "writes_finished"), uncertain = number_of(answer, "writes_uncertain");
  std::string line = fmt::format("{} {} in flight to the {}: {} finished, {} uncertain", writes,
                                 writes == 1 ? "write was" : "writes were", left, finished, uncertain);
  if (finished + uncertain < writes) line += fmt::format(", {} still there", writes - finished - uncertain);
  if (uncertain > 0) line += fmt::format(" (halfdoor uncertain {})", text_of(answer, "service"));
  return line + "\n";
}

std::string fenced_line(const nlohmann::json& answer) {
  if (!answer.contains("superseded_by")) return "";
  if (!answer["superseded_by"].is_null()) {
    return fmt::format("superseded by epoch {}: see halfdoor status {}\n", number_of(answer, "superseded_by"),
                       text_of(answer, "service"));
  }
  const std::string left = text_of(answer, "left");
  const bool same = text_of(answer, "from") == text_of(answer, "mode");
  if (!flag_of(answer, "fenced")) {
    if (!flag_of(answer, "applied")) return "not fenced yet\n";
    return fmt::format("not fenced yet: exchanges end within {}; ask again with halfdoor status {}\n",
                       format_duration(Milliseconds(number_of(answer, "drain_ms"))), text_of(answer, "service"));
  }
  if (left.empty()) return same ? "fenced\n" : fmt::format("fenced after {}\n", in_ms(decimal_of(answer, "fenced_ms")));
  const bool side_was_left = flag_of(answer, "side_left");
  return fmt::format(
      "fenced after {}: halfdoor sends {} to the {}; a host that hangs may still execute what it had "
      "received\n",
      in_ms(decimal_of(answer, "fenced_ms")), side_was_left ? "nothing more" : "no more writes", left);
}

// Guards that an operator should know about although they passed.
std::string remarks(const nlohmann::json& answer) {
  std::string lines;
  for (const auto& remark : array_of(answer, "remarks")) {
    if (remark.is_string()) lines += fmt::format("note: {}\n", remark.get<std::string>());
  }
  return lines;
}

}  // namespace

std::string describe_change(const nlohmann::json& answer) {
  std::string lines = headline(answer);
  if (flag_of(answer, "dry_run")) return lines + remarks(answer);
  lines += applied_line(answer);
  for (const auto& worker : array_of(answer, "not_safe")) {
    if (worker.is_string()) lines += fmt::format("NOT SAFE: {}\n", worker.get<std::string>());
  }
  lines += writes_line(answer);
  lines += fenced_line(answer);
  if (!flag_of(answer, "persisted", true)) {
    lines += fmt::format("NOT PERSISTED: the latch is not on the disk yet, a restart would not know of epoch {}\n",
                         number_of(answer, "epoch"));
  }
  return lines + remarks(answer);
}

std::string describe_refusal(const std::string& service, const nlohmann::json& problem) {
  std::string lines;
  for (const auto& rule : array_of(problem, "rules")) {
    lines += fmt::format("{}: refused by {}: {}\n", service, text_of(rule, "rule"), text_of(rule, "message"));
  }
  if (!lines.empty()) return lines;
  return fmt::format("{}: {}\n", service, text_of(problem, "detail", text_of(problem, "title", "refused")));
}

}  // namespace halfdoor
