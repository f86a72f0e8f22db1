// Journal: every mode change of every service for ever, one JSON object per line in state_dir/journal.jsonl.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "failover/append_file.h"
#include "failover/change.h"
#include "failover/helper.h"

namespace halfdoor {

struct RefusedRule {
  std::string rule;
  std::string message;
};

// An entry of `halfdoor history`.
struct JournalEntry {
  enum class Kind : uint8_t {
    change,
    update,   // reason or until of the present mode; from == to, same epoch
    refusal,  // of a signal or the automatic, that nobody else would see; from: present mode, to: wanted
  };
  Kind kind = Kind::change;
  std::string service;
  uint64_t epoch = 0;
  WallTime time{};
  Mode from = Mode::primary;
  Mode to = Mode::primary;
  std::string actor;
  std::string reason;  // empty: none
  std::optional<WallTime> until;
  std::vector<std::string> overrides;
  bool diverged = false;  // after the change
  // Null until known, for ever if the process ended before.
  std::optional<int64_t> fenced_ms;
  std::optional<uint64_t> writes_finished;
  std::optional<uint64_t> writes_uncertain;
  std::vector<RefusedRule> rules;  // refusal only
};

// The JSON object of the control API's history: {epoch,time,from,to,actor,reason,until,overrides,fenced_ms,
// writes_finished,writes_uncertain}, and beside them kind, service, diverged, rules. Absent is null. Without newline.
std::string to_json(const JournalEntry& entry);
JournalEntry entry_of(const LatchRecord& record, JournalEntry::Kind kind);

// What the journal knows of a service.
struct JournalKnowledge {
  bool known = false;                // it has had a mode change here
  std::optional<JournalEntry> last;  // the change with the highest epoch
};

inline constexpr size_t kHistoryKept = 1000;  // entries per service in memory; the file has all

// Control thread, but for what it posts. Reading is from memory; writing is done by the helper thread, which the
// journal does not wait for. Lines that could not be written are kept (bounded) and go out before the next.
class Journal {
 public:
  // Called on the helper thread when appending fails, and with an empty text when it works again. May be empty.
  using OnTrouble = std::function<void(std::string)>;

  // Reads the file (blocking), tolerating torn and unknown lines. `helper` outlives the journal. Errors: it exists and
  // cannot be opened for writing.
  static Result<std::unique_ptr<Journal>> open(const std::string& state_dir, Helper& helper, OnTrouble on_trouble = {});
  // Over a file that is open already; knows nothing yet.
  Journal(std::unique_ptr<AppendFile> file, Helper& helper, OnTrouble on_trouble);

  // Lines of the file that were not understood, and what to log about them (empty: nothing).
  uint64_t skipped_lines() const { return skipped_; }
  const std::string& warning() const { return warning_; }

  void append(const JournalEntry& entry);
  // How the draining of a change ended; merged into the entry of that epoch. Unknown epochs are ignored.
  void append_fenced(std::string_view service, uint64_t epoch, std::optional<int64_t> fenced_ms,
                     uint64_t writes_finished, uint64_t writes_uncertain);
  // Adds the change that the latch knows if the journal does not. The first record of a service, which is no change
  // (epoch 1, from == to), is not added.
  void complete_from(const LatchRecord& record);

  // Oldest first; the newest kHistoryKept. Stays valid until the next append.
  const std::deque<JournalEntry>& history(std::string_view service) const;
  JournalKnowledge knowledge(std::string_view service) const;

 private:
  struct Output;
  bool take_line(std::string_view line);
  void remember(JournalEntry entry);
  void write(std::string line);

  std::map<std::string, std::deque<JournalEntry>, std::less<>> histories_;
  std::map<std::string, JournalEntry, std::less<>> last_changes_;
  uint64_t skipped_ = 0;
  std::string warning_;
  Helper& helper_;
  std::shared_ptr<Output> output_;
};

}  // namespace halfdoor
