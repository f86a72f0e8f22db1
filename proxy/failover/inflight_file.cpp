#include "failover/inflight_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "base/text.h"
#include "failover/file_io.h"

namespace halfdoor {

namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr uint32_t kMostSlots = 1 << 20;
constexpr std::string_view kPrefix = "inflight.";
constexpr std::string_view kCut = "...";
constexpr std::string_view kStopped = "halfdoor stopped";

enum SlotState : uint32_t { kFree = 0, kInFlight = 1, kUncertain = 2 };

// A text of at most N bytes in the mapped file.
template <uint16_t N>
struct FixedText {
  uint16_t length;
  char bytes[N];

  void set(std::string_view text) {
    const bool fits = text.size() <= N;
    const size_t kept = fits ? text.size() : N - kCut.size();
    text.copy(bytes, kept);
    if (!fits) std::memcpy(bytes + kept, kCut.data(), kCut.size());
    length = static_cast<uint16_t>(fits ? kept : N);
  }
  bool is_sane() const { return length <= N; }
  std::string get() const { return {bytes, std::min(length, N)}; }
};

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t slot_bytes;
  uint32_t slots;
};
constexpr char kMagic[8] = {'h', 'd', 'i', 'n', 'f', 'l', 't', '\n'};
constexpr uint32_t kVersion = 1;

Header make_header(uint32_t slots) {
  Header header{{}, kVersion, kInflightSlotBytes, slots};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  return header;
}

size_t file_bytes(uint32_t slots) { return (static_cast<size_t>(slots) + 1) * kInflightSlotBytes; }

}  // namespace

struct InflightFile::Slot {
  uint32_t state;  // through std::atomic_ref only, while mapped
  uint8_t side;
  int64_t wall_ms;
  uint64_t epoch;
  uint64_t bytes_sent;
  FixedText<96> why;
  FixedText<128> request_id;
  FixedText<64> service;
  FixedText<32> method;
  FixedText<64> client;
  FixedText<128> server;
  FixedText<462> path;

  std::atomic_ref<uint32_t> atomic_state() { return std::atomic_ref<uint32_t>(state); }

  bool is_sane() const {
    return side <= index_of(Side::backup) && why.is_sane() && request_id.is_sane() && service.is_sane() &&
           method.is_sane() && client.is_sane() && server.is_sane() && path.is_sane();
  }
  UncertainWrite read(std::string reason, uint64_t sent) const {
    return {.wall_ms = wall_ms,
            .request_id = request_id.get(),
            .service = service.get(),
            .epoch = epoch,
            .method = method.get(),
            .path = path.get(),
            .client = client.get(),
            .side = static_cast<Side>(side),
            .server = server.get(),
            .bytes_sent = sent,
            .why = std::move(reason)};
  }
};

std::string inflight_path(const std::string& state_dir, int worker) {
  return fmt::format("{}/{}{}", state_dir, kPrefix, worker);
}

namespace {

// Null: not a file of this shape.
std::optional<UniqueFd> open_same_shape(const std::string& path, uint32_t slots) {
  Result<UniqueFd> fd = open_regular(path, O_RDWR);
  struct stat info {};
  if (!fd.ok() || ::fstat(fd->get(), &info) != 0) return std::nullopt;
  Header found{};
  const Header wanted = make_header(slots);
  if (static_cast<size_t>(info.st_size) != file_bytes(slots)) return std::nullopt;
  if (::pread(fd->get(), &found, sizeof(found), 0) != static_cast<ssize_t>(sizeof(found))) return std::nullopt;
  if (std::memcmp(&found, &wanted, sizeof(wanted)) != 0) return std::nullopt;
  return std::move(*fd);
}

Result<UniqueFd> open_or_make(const std::string& path, uint32_t slots) {
  if (std::optional<UniqueFd> same = open_same_shape(path, slots)) return std::move(*same);
  std::string bytes(file_bytes(slots), '\0');
  const Header header = make_header(slots);
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (const Status made = replace_file(path, bytes); !made.ok()) return made.error();
  return open_regular(path, O_RDWR);
}

}  // namespace

Result<std::shared_ptr<InflightFile>> InflightFile::open(const std::string& path, uint32_t slots) {
  if (slots == 0 || slots > kMostSlots) {
    return Error{fmt::format("{} slots of writes in flight: write 1 to {}", slots, kMostSlots)};
  }
  Result<UniqueFd> fd = open_or_make(path, slots);
  if (!fd.ok()) return fd.error();
  Result<std::shared_ptr<InflightFile>> file = map(*fd, path, slots);
  if (file.ok()) (*file)->free_all();
  return file;
}

Result<std::shared_ptr<InflightFile>> InflightFile::open_keeping(const std::string& path, uint32_t slots,
                                                                 std::vector<Kept>& kept) {
  const std::optional<UniqueFd> fd = open_same_shape(path, slots);
  if (!fd) return Error{fmt::format("{} does not have {} slots: its writes have to be listed first", path, slots)};
  Result<std::shared_ptr<InflightFile>> file = map(*fd, path, slots);
  if (file.ok()) (*file)->free_all_but_known(kept);
  return file;
}

Result<std::shared_ptr<InflightFile>> InflightFile::map(const UniqueFd& fd, const std::string& path, uint32_t slots) {
  static_assert(sizeof(Slot) == kInflightSlotBytes && std::is_trivially_copyable_v<Slot>);
  const size_t bytes = file_bytes(slots);
  // A store to a hole on a full disk would be a SIGBUS.
  if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes))) {
    return file_error("allocation of", path, error);
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (memory == MAP_FAILED) return file_error("mapping of", path, errno);
  return std::shared_ptr<InflightFile>(new InflightFile(memory, bytes, slots));
}

InflightFile::InflightFile(void* memory, size_t bytes, uint32_t slots)
    : memory_(memory), bytes_(bytes), slots_(slots), next_(new uint32_t[slots]), free_(kNone), returned_(kNone) {}

void InflightFile::free_all() {
  for (uint32_t i = slots_; i-- > 0;) {
    slot(i).atomic_state().store(kFree, std::memory_order_release);
    next_[i] = free_;
    free_ = i;
  }
}

void InflightFile::free_all_but_known(std::vector<Kept>& kept) {
  for (uint32_t i = slots_; i-- > 0;) {
    Slot& found = slot(i);
    const uint32_t state = found.atomic_state().load(std::memory_order_acquire);
    if ((state != kInFlight && state != kUncertain) || !found.is_sane()) {
      found.atomic_state().store(kFree, std::memory_order_release);
      next_[i] = free_;
      free_ = i;
      continue;
    }
    if (state == kInFlight) {
      found.bytes_sent = 0;
      found.why.set(kStopped);
      found.atomic_state().store(kUncertain, std::memory_order_release);
    }
    kept.push_back({i, found.read(found.why.get(), found.bytes_sent)});
    in_use_.fetch_add(1, std::memory_order_relaxed);
  }
}

InflightFile::~InflightFile() { ::munmap(memory_, bytes_); }

InflightFile::Slot& InflightFile::slot(Ticket ticket) const {
  HALFDOOR_CHECK(ticket < slots_);
  return reinterpret_cast<Slot*>(static_cast<char*>(memory_) + kInflightSlotBytes)[ticket];
}

std::optional<InflightFile::Ticket> InflightFile::begin(const WriteRecord& record) {
  if (free_ == kNone) free_ = returned_.exchange(kNone, std::memory_order_acquire);
  if (free_ == kNone) return std::nullopt;
  const Ticket ticket = free_;
  free_ = next_[ticket];
  Slot& taken = slot(ticket);
  // What a killed process leaves is what its instructions did in their order: the compiler must not move the stores
  // below to before the one that freed this slot.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  taken.side = static_cast<uint8_t>(index_of(record.side));
  taken.wall_ms = record.wall_ms;
  taken.epoch = record.epoch;
  taken.bytes_sent = 0;
  taken.why.length = 0;
  taken.request_id.set(record.request_id);
  taken.service.set(record.service);
  taken.method.set(record.method);
  taken.client.set(record.client);
  taken.server.set(record.server);
  taken.path.set(record.path);
  taken.atomic_state().store(kInFlight, std::memory_order_release);
  in_use_.fetch_add(1, std::memory_order_relaxed);
  return ticket;
}

void InflightFile::clear(Ticket ticket) {
  Slot& cleared = slot(ticket);
  HALFDOOR_CHECK(cleared.atomic_state().load(std::memory_order_relaxed) == kInFlight);
  cleared.atomic_state().store(kFree, std::memory_order_release);
  next_[ticket] = free_;
  free_ = ticket;
  in_use_.fetch_sub(1, std::memory_order_relaxed);
}

UncertainWrite InflightFile::mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why) {
  Slot& marked = slot(ticket);
  HALFDOOR_CHECK(marked.atomic_state().load(std::memory_order_relaxed) == kInFlight);
  marked.bytes_sent = bytes_sent;
  marked.why.set(why);
  UncertainWrite write = marked.read(marked.why.get(), bytes_sent);
  marked.atomic_state().store(kUncertain, std::memory_order_release);
  return write;
}

bool InflightFile::release_uncertain(Ticket ticket) {
  uint32_t expected = kUncertain;
  if (!slot(ticket).atomic_state().compare_exchange_strong(expected, kFree, std::memory_order_acq_rel)) return false;
  in_use_.fetch_sub(1, std::memory_order_relaxed);
  uint32_t head = returned_.load(std::memory_order_relaxed);
  do {
    next_[ticket] = head;
  } while (!returned_.compare_exchange_weak(head, ticket, std::memory_order_release, std::memory_order_relaxed));
  return true;
}

InflightScan scan_inflight_file(const std::string& path) {
  using Slot = InflightFile::Slot;
  InflightScan scan;
  const auto warn = [&scan, &path](std::string_view what) {
    scan.warnings.push_back(fmt::format("{}: {}: writes that were in flight may be missing from the list", path, what));
    return scan;
  };
  Result<UniqueFd> fd = open_regular(path, O_RDONLY);
  if (!fd.ok()) return warn(fd.error().message);
  Header header{};
  if (::pread(fd->get(), &header, sizeof(header), 0) != static_cast<ssize_t>(sizeof(header))) return warn("too short");
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) return warn("no header");
  if (header.version != kVersion || header.slot_bytes != kInflightSlotBytes || header.slots > kMostSlots) {
    return warn("of another version");
  }
  uint64_t senseless = 0;
  for (uint32_t i = 0; i < header.slots; ++i) {
    Slot slot{};
    const auto offset = static_cast<off_t>(file_bytes(i));
    if (::pread(fd->get(), &slot, sizeof(slot), offset) != static_cast<ssize_t>(sizeof(slot))) return warn("too short");
    if (slot.state == kFree) continue;
    if (slot.state > kUncertain || !slot.is_sane()) {
      ++senseless;
    } else if (slot.state == kInFlight) {
      scan.writes.push_back(slot.read(std::string(kStopped), 0));
    } else {
      scan.writes.push_back(slot.read(slot.why.get(), slot.bytes_sent));
    }
  }
  if (senseless > 0) return warn(fmt::format("{} slots are damaged", senseless));
  return scan;
}

namespace {

// Worker numbers of the inflight.N that there are; sorted.
std::vector<int> list_workers(const std::string& state_dir) {
  std::vector<int> workers;
  DIR* folder = ::opendir(state_dir.c_str());
  if (folder == nullptr) return workers;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix)) continue;
    const std::optional<uint64_t> number = parse_unsigned(name.substr(kPrefix.size()));
    if (number && *number < 100'000) workers.push_back(static_cast<int>(*number));
  }
  ::closedir(folder);
  std::sort(workers.begin(), workers.end());
  return workers;
}

}  // namespace

InflightScan scan_inflight(const std::string& state_dir) {
  InflightScan all;
  for (const int worker : list_workers(state_dir)) {
    InflightScan one = scan_inflight_file(inflight_path(state_dir, worker));
    std::move(one.writes.begin(), one.writes.end(), std::back_inserter(all.writes));
    std::move(one.warnings.begin(), one.warnings.end(), std::back_inserter(all.warnings));
  }
  std::sort(all.writes.begin(), all.writes.end(),
            [](const UncertainWrite& a, const UncertainWrite& b) { return a.wall_ms < b.wall_ms; });
  return all;
}

void remove_stale_inflight(const std::string& state_dir, int workers) {
  for (const int worker : list_workers(state_dir)) {
    if (worker >= workers) ::unlink(inflight_path(state_dir, worker).c_str());
  }
}

}  // namespace halfdoor
