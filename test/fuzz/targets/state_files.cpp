// The files of state_dir that only grow, and those of writes in flight, with anything in them: reading never ends badly
// and stays bounded, what is understood is what was written, and what was damaged is said.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "failover/inflight_file.h"
#include "failover/journal.h"
#include "failover/start_state.h"
#include "failover/uncertain_list.h"
#include "fuzz/fuzz_target.h"

namespace halfdoor::fuzz {

namespace {

namespace fs = std::filesystem;

// A folder of the process, gone when it ends.
class Folder {
 public:
  Folder() {
    // Memory, where there is some: every input syncs its files.
    path_ = (fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) + "/halfdoor-fuzz-XXXXXX";
    require(mkdtemp(path_.data()) != nullptr, "a folder can be made");
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ + "/" + name, std::ios::binary | std::ios::trunc) << bytes;
  }
  void empty() const {
    for (const auto& entry : fs::directory_iterator(path_)) fs::remove(entry.path());
  }

 private:
  std::string path_;
};

const Folder& folder() {
  static const Folder one;
  return one;
}

class AtOnce final : public Helper {
 public:
  void post(std::function<void()> job) override { job(); }
  bool stop(Milliseconds) override { return true; }
  std::optional<Milliseconds> busy_for() const override { return std::nullopt; }
};

size_t lines_in(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) +
         (text.empty() || text.back() == '\n' ? 0 : 1);
}

void check_journal(std::string_view bytes) {
  folder().write("journal.jsonl", bytes);
  AtOnce helper;
  auto opened = Journal::open(folder().path(), helper);
  require(opened.ok(), "a journal with anything in it can be opened");
  const Journal& journal = **opened;
  require(journal.skipped_lines() <= lines_in(bytes), "no more lines are skipped than there are");
  const auto& history = journal.history("salon");
  require(history.size() <= kHistoryKept, "the history in memory is bounded");
  const JournalKnowledge knowledge = journal.knowledge("salon");
  require(!knowledge.last || knowledge.known, "a service whose last change is known is known");
  // What it says about itself is what another start would read.
  std::string text;
  for (const JournalEntry& entry : history) text += to_json(entry) + "\n";
  folder().write("journal.jsonl", text);
  auto again = Journal::open(folder().path(), helper);
  require(again.ok() && (*again)->skipped_lines() == 0, "what is written is understood");
  std::string other;
  for (const JournalEntry& entry : (*again)->history("salon")) other += to_json(entry) + "\n";
  require_same(other, text, "a history that is written is the one that is read");
  LatchReading missing;
  const StartState start = start_state("salon", Mode::primary, missing, knowledge, WallTime(std::chrono::seconds(1)));
  require(!knowledge.known || !writes_pass(start.record.to), "a service whose latch is gone starts without writes");
}

void check_uncertain(std::string_view bytes) {
  folder().write("uncertain.jsonl", bytes);
  AtOnce helper;
  auto opened = UncertainList::open(folder().path(), helper);
  require(opened.ok(), "a list with anything in it can be opened");
  require((*opened)->skipped_lines() <= lines_in(bytes), "no more lines are skipped than there are");
  const std::vector<UncertainWrite> writes = (*opened)->newest("", kUncertainKept);
  std::string text;
  for (auto write = writes.rbegin(); write != writes.rend(); ++write) text += to_json(*write) + "\n";
  folder().write("uncertain.jsonl", text);
  auto again = UncertainList::open(folder().path(), helper);
  require(again.ok() && (*again)->skipped_lines() == 0, "what is written is understood");
  require((*again)->newest("", kUncertainKept) == writes, "a list that is written is the one that is read");
}

void check_scan(const InflightScan& scan, size_t bytes) {
  require(scan.writes.size() <= bytes / kInflightSlotBytes, "no more writes are found than there are slots");
  for (const UncertainWrite& write : scan.writes) {
    const size_t texts = write.request_id.size() + write.service.size() + write.method.size() + write.path.size() +
                         write.client.size() + write.server.size() + write.why.size();
    require(texts <= kInflightSlotBytes, "the texts of a write fit its slot");
  }
}

void check_inflight_bytes(std::string_view bytes) {
  folder().write("inflight.0", bytes);
  const std::string path = inflight_path(folder().path(), 0);
  const InflightScan scan = scan_inflight_file(path);
  check_scan(scan, bytes.size());
  const InflightScan again = scan_inflight_file(path);
  require(again.writes == scan.writes && again.warnings == scan.warnings, "scanning changes nothing");
  const auto slots = static_cast<uint32_t>(bytes.size() / kInflightSlotBytes);
  if (slots == 0) return;
  std::vector<InflightFile::Kept> kept;
  const auto file = InflightFile::open_keeping(path, slots, kept);
  if (file.ok()) require(kept.size() == scan.writes.size(), "what is kept is what was found");
}

// Writes of the input's texts, then damage.
void check_inflight_writes(Input input) {
  constexpr uint32_t kSlots = 4;
  const std::string path = inflight_path(folder().path(), 0);
  Sequence sequence(input.rest());
  std::vector<std::string> begun;
  {
    const auto file = InflightFile::open(path, kSlots);
    require(file.ok(), "a file can be made");
    while (!input.rest().empty() && begun.size() < kSlots) {
      const std::string_view text = input.line();
      WriteRecord record{.wall_ms = 1,
                         .request_id = text,
                         .service = "salon",
                         .epoch = 2,
                         .method = "POST",
                         .path = text,
                         .client = text,
                         .side = Side::backup,
                         .server = text};
      const auto ticket = (*file)->begin(record);
      require(ticket.has_value(), "there is a slot for it");
      if (sequence.below(4) == 0) {
        (*file)->clear(*ticket);
        continue;
      }
      begun.emplace_back(text);
      if (sequence.below(4) == 0) (void)(*file)->mark_uncertain(*ticket, 7, text);
    }
  }
  const InflightScan scan = scan_inflight_file(path);
  require(scan.writes.size() == begun.size() && scan.warnings.empty(),
          "every write that began and did not end is found");
  for (const UncertainWrite& write : scan.writes) {
    const bool is_one = std::any_of(begun.begin(), begun.end(), [&](const std::string& text) {
      return write.path == text ||
             (write.path.ends_with("...") && text.starts_with(write.path.substr(0, write.path.size() - 3)));
    });
    require(is_one && write.service == "salon" && write.epoch == 2 && write.side == Side::backup,
            "it is found as it began");
  }
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  for (size_t i = sequence.below(8); i > 0; --i)
    bytes[sequence.below(bytes.size())] ^= static_cast<char>(1U << sequence.below(8));
  check_inflight_bytes(bytes.substr(0, bytes.size() - sequence.below(3)));
}

void run(std::string_view bytes) {
  Input input(bytes);
  folder().empty();
  switch (input.choose(4)) {
    case 0: return check_journal(input.rest());
    case 1: return check_uncertain(input.rest());
    case 2: return check_inflight_bytes(input.rest());
    default: return check_inflight_writes(input);
  }
}

HALFDOOR_FUZZ_TARGET(state_files, run);

}  // namespace

}  // namespace halfdoor::fuzz
