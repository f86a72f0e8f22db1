// Keeping data and role so that kill -9 at any moment leaves them usable and true.
#include "store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "schema.h"

namespace salon {

namespace {

// rename() alone may survive a power cut with an empty file.
void write_whole_file(const std::filesystem::path& file, const std::string& text) {
  const std::filesystem::path temporary = file.string() + ".new";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error(fmt::format("{}: cannot write", temporary.string()));
  const bool is_written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  close(fd);
  if (!is_written) throw std::runtime_error(fmt::format("{}: cannot write", temporary.string()));
  std::filesystem::rename(temporary, file);
  const int folder = open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
}

}  // namespace

const char* to_text(Role role) {
  switch (role) {
    case Role::source: return "source";
    case Role::frozen: return "frozen";
    case Role::replica: return "replica";
  }
  return "unknown";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::source, Role::frozen, Role::replica}) {
    if (text == to_text(role)) return role;
  }
  return std::nullopt;
}

Store::Store(const std::filesystem::path& folder, bool is_primary, std::string host)
    : folder_(std::filesystem::absolute(folder)), host_(std::move(host)) {
  std::filesystem::create_directories(folder_);
  is_new_ = !std::filesystem::exists(folder_ / "role.json");
  {
    // For writing, whatever the role: a journal left by kill -9 can only be rolled back this way.
    const Database database = Database::open(database_file(), Database::Access::read_write);
    create_tables(database);
    if (is_new_ && is_primary && read_history(database).version().is_empty()) fill_new_salon(database, host_);
    history_ = read_history(database);
  }
  if (is_new_) {
    role_ = is_primary ? Role::source : Role::replica;
    promised_term_ = is_primary ? 1 : 0;
    write_role_file();
  } else {
    read_role_file();
    if (role_ == Role::source && history_.version().term < promised_term_) begin_term(promised_term_);
  }
  open_for(Database::Access::read_only);
}

std::vector<std::string> Store::set_aside() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("set-aside-")) files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  return files;
}

void Store::open_for(Database::Access access) {
  database_.reset();
  database_ = Database::open(database_file(), access);
}

void Store::change_role(Role role) {
  role_ = role;
  // Closed for writing first: if the file cannot be written, this host at least writes nothing.
  if (role != Role::source) open_for(Database::Access::read_only);
  write_role_file();
}

void Store::remember_peer(const std::string& url) {
  if (peer_ == url) return;
  peer_ = url;
  write_role_file();
}

void Store::begin_term(std::int64_t term) {
  const auto before = std::pair(role_, promised_term_);
  promised_term_ = term;
  role_ = Role::source;
  try {
    // First the promise, then the term: a host that is killed in between finishes this when it starts.
    write_role_file();
  } catch (...) {
    std::tie(role_, promised_term_) = before;
    throw;
  }
  open_for(Database::Access::read_write);
  salon::begin_term(*database_, term, host_);
  note_changes();
}

bool Store::note_changes() {
  const Version before = version();
  history_ = read_history(*database_);
  return version() != before;
}

std::shared_ptr<const std::string> Store::snapshot() {
  if (snapshot_ == nullptr || snapshot_version_ != version()) {
    const Database copy = Database::in_memory();
    copy_in_one_step(*database_, copy);
    snapshot_version_ = read_history(copy).version();
    snapshot_ = std::make_shared<const std::string>(copy.bytes());
  }
  return snapshot_;
}

std::string Store::apply(const std::string& snapshot) {
  const Database incoming = Database::from_bytes(snapshot);
  const History history = read_history(incoming);
  if (!is_newer(history.version(), version())) return {};
  std::string aside = history.covers(version()) ? std::string() : set_present_data_aside();
  // Its own connection, for this one step only: that of the pages stays open, and read-only.
  copy_in_one_step(incoming, Database::open(database_file(), Database::Access::read_write));
  note_changes();
  return aside;
}

std::string Store::set_present_data_aside() {
  const std::string stem = fmt::format("set-aside-term{}-change{}", version().term, version().change);
  std::string name = stem + ".db";
  for (int copy = 2; std::filesystem::exists(folder_ / name); ++copy) name = fmt::format("{}-{}.db", stem, copy);
  copy_in_one_step(*database_, Database::open(folder_ / name, Database::Access::read_write));
  return name;
}

void Store::write_role_file() const {
  const nlohmann::json json = {{"role", to_text(role_)}, {"term", promised_term_}, {"peer", peer_}};
  write_whole_file(folder_ / "role.json", json.dump() + "\n");
}

void Store::read_role_file() {
  std::ifstream stream(folder_ / "role.json");
  const auto json = nlohmann::json::parse(stream);
  const auto role = parse_role(json.at("role").get<std::string>());
  if (!role) throw std::runtime_error("role.json names no role");
  role_ = *role;
  promised_term_ = json.at("term").get<std::int64_t>();
  peer_ = json.at("peer").get<std::string>();
}

}  // namespace salon
