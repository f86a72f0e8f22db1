#include "failover/uncertain_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "failover/file_io.h"
#include "failover/json_fields.h"
#include "failover/state_dir.h"

namespace halfdoor {

namespace {

// Of each file at start: more than kUncertainKept writes of a usual size.
constexpr uint64_t kTailBytes = 8 << 20;

std::optional<Side> side_field(const Json& object, const char* key) {
  const std::optional<std::string> text = text_field(object, key);
  for (const Side side : kSides) {
    if (text == to_text(side)) return side;
  }
  return std::nullopt;
}

std::optional<UncertainWrite> read_write(const Json& json) {
  const auto time = time_field(json, "time");
  const auto request_id = text_field(json, "request_id"), service = text_field(json, "service");
  const auto side = side_field(json, "side");
  if (!time || !request_id || !service || !side) return std::nullopt;
  UncertainWrite write;
  write.wall_ms = std::chrono::duration_cast<Milliseconds>(time->time_since_epoch()).count();
  write.request_id = *request_id;
  write.service = *service;
  write.epoch = number_field(json, "epoch").value_or(0);
  write.method = text_field(json, "method").value_or("");
  write.path = text_field(json, "path").value_or("");
  write.client = text_field(json, "client").value_or("");
  write.side = *side;
  write.server = text_field(json, "server").value_or("");
  write.bytes_sent = number_field(json, "bytes_sent").value_or(0);
  write.why = text_field(json, "why").value_or("");
  return write;
}

}  // namespace

std::string to_json(const UncertainWrite& write) {
  return write_object(Json{{"time", format_rfc3339_ms(WallTime(Milliseconds(write.wall_ms)))},
                           {"request_id", write.request_id},
                           {"service", write.service},
                           {"epoch", write.epoch},
                           {"method", write.method},
                           {"path", write.path},
                           {"client", write.client},
                           {"side", to_text(write.side)},
                           {"server", text_or_null(write.server)},
                           {"bytes_sent", write.bytes_sent},
                           {"why", write.why}});
}

// Used by the helper thread only (at start by the control thread); shared so that it outlives a list whose helper
// hangs.
struct UncertainList::Output {
  std::string folder;
  std::string path;
  uint64_t most_bytes = kUncertainFileBytes;
  std::unique_ptr<AppendFile> file;  // null: a rotation went wrong half way

  Status append(const std::string& lines) {
    if (file != nullptr && file->size() > 0 && file->size() + lines.size() > most_bytes) {
      if (std::rename(path.c_str(), (path + ".1").c_str()) != 0) return file_error("rename of", path, errno);
      file = nullptr;
    }
    if (file == nullptr) {
      Result<std::unique_ptr<AppendFile>> fresh = AppendFile::open(path);
      if (!fresh.ok()) return fresh.error();
      if (Status synced = sync_folder(folder); !synced.ok()) return synced;
      file = std::move(*fresh);
    }
    return file->append(lines);
  }
};

UncertainList::UncertainList(Helper& helper, std::shared_ptr<Output> output)
    : helper_(helper), output_(std::move(output)) {}

Result<std::unique_ptr<UncertainList>> UncertainList::open(const std::string& state_dir, Helper& helper,
                                                           uint64_t most_bytes) {
  auto output = std::make_shared<Output>();
  output->folder = state_dir;
  output->path = state_dir + "/uncertain.jsonl";
  output->most_bytes = most_bytes;
  const std::string path = output->path;
  Result<std::unique_ptr<AppendFile>> file = AppendFile::open(path);
  if (!file.ok()) return file.error();
  if (const Status synced = sync_folder(state_dir); !synced.ok()) return synced.error();
  output->file = std::move(*file);
  std::unique_ptr<UncertainList> list(new UncertainList(helper, std::move(output)));
  for (const std::string& part : {path + ".1", path}) {
    const LineReading reading =
        read_lines(part, kTailBytes, [&list](std::string_view line) { return list->take_line(line); });
    list->skipped_ += reading.skipped;
    if (!reading.problem.empty()) list->warning_ = fmt::format("list of uncertain writes: {}", reading.problem);
  }
  list->found_ = list->keys_;
  if (list->warning_.empty() && list->skipped_ > 0) {
    list->warning_ = fmt::format("list of uncertain writes: {} torn lines of {} were skipped", list->skipped_, path);
  }
  return list;
}

bool UncertainList::take_line(std::string_view line) {
  const std::optional<Json> json = parse_object(line);
  const std::optional<UncertainWrite> write = json ? read_write(*json) : std::nullopt;
  if (!write) return false;
  remember(*write);
  return true;
}

UncertainList::Key UncertainList::key_of(const UncertainWrite& write) {
  UncertainWrite identity = write;
  // What became of it may be told differently, by who marked it and by who found it.
  identity.bytes_sent = 0;
  identity.why.clear();
  return to_json(identity);
}

void UncertainList::remember(const UncertainWrite& write) {
  if (!keys_.insert(key_of(write)).second) return;
  writes_.push_back(write);
  if (writes_.size() <= kUncertainKept) return;
  keys_.erase(key_of(writes_.front()));
  writes_.pop_front();
}

std::string UncertainList::remember_all(const std::vector<UncertainWrite>& writes) {
  std::string lines;
  for (const UncertainWrite& write : writes) {
    if (found_.count(key_of(write)) != 0) continue;
    remember(write);
    lines += to_json(write) + "\n";
  }
  return lines;
}

void UncertainList::append(const std::vector<UncertainWrite>& writes, Done done) {
  helper_.post([output = output_, lines = remember_all(writes), done = std::move(done)] {
    const Status status = output->append(lines);
    if (done) done(status);
  });
}

Status UncertainList::append_now(const std::vector<UncertainWrite>& writes) {
  return output_->append(remember_all(writes));
}

std::vector<UncertainWrite> UncertainList::newest(std::string_view service, size_t most) const {
  std::vector<UncertainWrite> found;
  for (auto write = writes_.rbegin(); write != writes_.rend() && found.size() < most; ++write) {
    if (service.empty() || write->service == service) found.push_back(*write);
  }
  return found;
}

size_t UncertainList::count(std::string_view service) const {
  if (service.empty()) return writes_.size();
  return static_cast<size_t>(std::count_if(
      writes_.begin(), writes_.end(), [service](const UncertainWrite& write) { return write.service == service; }));
}

}  // namespace halfdoor
