#include "failover/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "failover/json_fields.h"

namespace halfdoor {

namespace {

constexpr std::array<std::string_view, 3> kKindTexts{"change", "update", "refusal"};
constexpr std::string_view kFencedKind = "fenced";
constexpr size_t kMostUnwrittenBytes = 4 << 20;
constexpr size_t kMostServices = 10'000;  // names in the file; far above any configuration

template <class T>
Json number_or_null(const std::optional<T>& number) {
  return number ? Json(*number) : Json();
}

std::optional<int64_t> milliseconds_field(const Json& object, const char* key) {
  const std::optional<uint64_t> ms = number_field(object, key);
  return ms ? std::optional<int64_t>(static_cast<int64_t>(*ms)) : std::nullopt;
}

std::optional<JournalEntry> read_entry(const Json& json, JournalEntry::Kind kind) {
  const auto service = text_field(json, "service");
  const auto epoch = number_field(json, "epoch");
  const auto time = time_field(json, "time");
  const auto from = mode_field(json, "from"), to = mode_field(json, "to");
  if (!service || !epoch || *epoch > kHighestEpoch || !time || !from || !to) return std::nullopt;
  JournalEntry entry;
  entry.kind = kind;
  entry.service = *service;
  entry.epoch = *epoch;
  entry.time = *time;
  entry.from = *from;
  entry.to = *to;
  entry.actor = text_field(json, "actor").value_or("");
  entry.reason = text_field(json, "reason").value_or("");
  entry.until = time_field(json, "until");
  entry.overrides = texts_field(json, "overrides");
  entry.diverged = bool_field(json, "diverged").value_or(false);
  entry.fenced_ms = milliseconds_field(json, "fenced_ms");
  entry.writes_finished = number_field(json, "writes_finished");
  entry.writes_uncertain = number_field(json, "writes_uncertain");
  const auto rules = json.find("rules");
  if (rules != json.end() && rules->is_array()) {
    for (const Json& rule : *rules) {
      if (!rule.is_object()) continue;
      entry.rules.push_back({text_field(rule, "rule").value_or(""), text_field(rule, "message").value_or("")});
    }
  }
  return entry;
}

struct FencedLine {
  std::string service;
  uint64_t epoch = 0;
  std::optional<int64_t> fenced_ms;
  std::optional<uint64_t> writes_finished;
  std::optional<uint64_t> writes_uncertain;
};

void merge(const FencedLine& line, JournalEntry& entry) {
  if (entry.kind != JournalEntry::Kind::change || entry.epoch != line.epoch) return;
  entry.fenced_ms = line.fenced_ms;
  entry.writes_finished = line.writes_finished;
  entry.writes_uncertain = line.writes_uncertain;
}

}  // namespace

std::string to_json(const JournalEntry& entry) {
  Json rules = Json::array();
  for (const RefusedRule& rule : entry.rules) rules.push_back({{"rule", rule.rule}, {"message", rule.message}});
  return write_object(Json{{"kind", kKindTexts[static_cast<size_t>(entry.kind)]},
                           {"service", entry.service},
                           {"epoch", entry.epoch},
                           {"time", format_rfc3339_ms(entry.time)},
                           {"from", to_text(entry.from)},
                           {"to", to_text(entry.to)},
                           {"actor", text_or_null(entry.actor)},
                           {"reason", text_or_null(entry.reason)},
                           {"until", time_or_null(entry.until)},
                           {"overrides", entry.overrides},
                           {"diverged", entry.diverged},
                           {"fenced_ms", number_or_null(entry.fenced_ms)},
                           {"writes_finished", number_or_null(entry.writes_finished)},
                           {"writes_uncertain", number_or_null(entry.writes_uncertain)},
                           {"rules", std::move(rules)}});
}

JournalEntry entry_of(const LatchRecord& record, JournalEntry::Kind kind) {
  JournalEntry entry;
  entry.kind = kind;
  entry.service = record.service;
  entry.epoch = record.epoch;
  entry.time = record.time;
  entry.from = kind == JournalEntry::Kind::change ? record.from : record.to;
  entry.to = record.to;
  entry.actor = record.actor;
  entry.reason = record.reason;
  entry.until = record.until;
  entry.overrides = record.overrides;
  entry.diverged = record.diverged;
  return entry;
}

// Used by the helper thread only; shared so that it outlives a journal whose helper hangs.
struct Journal::Output {
  std::unique_ptr<AppendFile> file;
  OnTrouble on_trouble;
  std::string unwritten;  // lines that a failing disk did not take
  uint64_t dropped = 0;
  bool in_trouble = false;

  void write(const std::string& line) {
    if (unwritten.size() + line.size() > kMostUnwrittenBytes) {
      ++dropped;
    } else {
      unwritten += line;
    }
    const Status status = file->append(unwritten);
    if (status.ok()) unwritten.clear();
    if (status.ok() != in_trouble) return;
    in_trouble = !status.ok();
    if (!on_trouble) return;
    on_trouble(status.ok() ? std::string()
                           : fmt::format("journal: {}; its lines are kept in memory", status.error().message));
  }
};

Journal::Journal(std::unique_ptr<AppendFile> file, Helper& helper, OnTrouble on_trouble)
    : helper_(helper), output_(std::make_shared<Output>()) {
  output_->file = std::move(file);
  output_->on_trouble = std::move(on_trouble);
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& state_dir, Helper& helper, OnTrouble on_trouble) {
  const std::string path = state_dir + "/journal.jsonl";
  Result<std::unique_ptr<AppendFile>> file = AppendFile::open(path);
  if (!file.ok()) return file.error();
  auto journal = std::make_unique<Journal>(std::move(*file), helper, std::move(on_trouble));
  const LineReading reading =
      read_lines(path, 0, [&journal](std::string_view line) { return journal->take_line(line); });
  journal->skipped_ = reading.skipped;
  if (!reading.problem.empty()) {
    journal->warning_ = fmt::format("journal: {}: older changes are not known", reading.problem);
  } else if (reading.skipped > 0) {
    journal->warning_ = fmt::format("journal: {} of {} lines of {} are torn or unknown and were skipped",
                                    reading.skipped, reading.lines, path);
  }
  return journal;
}

bool Journal::take_line(std::string_view line) {
  const std::optional<Json> json = parse_object(line);
  if (!json) return false;
  const std::optional<std::string> kind = text_field(*json, "kind");
  if (!kind) return false;
  if (*kind == kFencedKind) {
    const auto service = text_field(*json, "service");
    const auto epoch = number_field(*json, "epoch");
    if (!service || !epoch) return false;
    const auto history = histories_.find(*service);
    if (history == histories_.end()) return true;
    const FencedLine fenced{*service, *epoch, milliseconds_field(*json, "fenced_ms"),
                            number_field(*json, "writes_finished"), number_field(*json, "writes_uncertain")};
    for (JournalEntry& entry : history->second) merge(fenced, entry);
    return true;
  }
  const auto at = std::find(kKindTexts.begin(), kKindTexts.end(), *kind);
  if (at == kKindTexts.end()) return false;
  std::optional<JournalEntry> entry = read_entry(*json, static_cast<JournalEntry::Kind>(at - kKindTexts.begin()));
  if (!entry) return false;
  remember(std::move(*entry));
  return true;
}

void Journal::remember(JournalEntry entry) {
  if (histories_.size() >= kMostServices && histories_.find(entry.service) == histories_.end()) return;
  if (entry.kind == JournalEntry::Kind::change) {
    JournalEntry& last = last_changes_[entry.service];
    if (entry.epoch >= last.epoch) last = entry;
  }
  std::deque<JournalEntry>& history = histories_[entry.service];
  history.push_back(std::move(entry));
  if (history.size() > kHistoryKept) history.pop_front();
}

void Journal::append(const JournalEntry& entry) {
  write(to_json(entry) + "\n");
  remember(entry);
}

void Journal::append_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                            uint64_t writes_finished, uint64_t writes_uncertain) {
  const auto history = histories_.find(service);
  if (history == histories_.end()) return;
  const FencedLine line{std::string(service), epoch, fenced_ms, writes_finished, writes_uncertain};
  const bool is_known = std::any_of(history->second.begin(), history->second.end(), [epoch](const JournalEntry& entry) {
    return entry.kind == JournalEntry::Kind::change && entry.epoch == epoch;
  });
  if (!is_known) return;
  for (JournalEntry& entry : history->second) merge(line, entry);
  write(write_object(Json{{"kind", kFencedKind},
                          {"service", line.service},
                          {"epoch", epoch},
                          {"fenced_ms", number_or_null(fenced_ms)},
                          {"writes_finished", writes_finished},
                          {"writes_uncertain", writes_uncertain}}) +
        "\n");
}

void Journal::complete_from(const LatchRecord& record) {
  const bool is_first = record.epoch == 1 && record.from == record.to;
  const JournalKnowledge known = knowledge(record.service);
  if (is_first || (known.last && known.last->epoch >= record.epoch)) return;
  append(entry_of(record, JournalEntry::Kind::change));
}

const std::deque<JournalEntry>& Journal::history(std::string_view service) const {
  static const std::deque<JournalEntry> kNone;
  const auto at = histories_.find(service);
  return at == histories_.end() ? kNone : at->second;
}

JournalKnowledge Journal::knowledge(std::string_view service) const {
  const auto at = last_changes_.find(service);
  if (at == last_changes_.end()) return {};
  return {true, at->second};
}

void Journal::write(std::string line) {
  helper_.post([output = output_, text = std::move(line)] { output->write(text); });
}

}  // namespace halfdoor
