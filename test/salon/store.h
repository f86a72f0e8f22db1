// The data folder of one host: the database, the role it has promised to keep, what was set aside.
//
//   salon.db                           the data, with its lineage, terms and change number
//   role.json                          this host's own role and peer; never replicated
//   set-aside-term1-change17.db        a copy that had changes the followed host never saw
//
// Knows nothing of networks and never decides: replication.cpp does.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "database.h"
#include "version.h"

namespace salon {

enum class Role {
  source,   // takes writes
  frozen,   // took writes; does not any more, and waits for the peer to copy everything
  replica,  // copies whatever the peer has that is newer
};
const char* to_text(Role role);
std::optional<Role> parse_role(std::string_view text);

class Store {
 public:
  // A new primary becomes a source with demo data, a new backup an empty replica.
  Store(const std::filesystem::path& folder, bool is_primary, std::string host);

  Role role() const { return role_; }
  bool is_new() const { return is_new_; }
  const History& history() const { return history_; }
  Version version() const { return history_.version(); }
  const std::string& remembered_peer() const { return peer_; }
  std::vector<std::string> set_aside() const;

  // The connection of the pages: SQLITE_OPEN_READONLY unless opened for writing.
  const Database& database() const { return *database_; }
  void open_for(Database::Access access);

  void change_role(Role role);
  void remember_peer(const std::string& url);
  // Makes this host the source of a new term. Ends in writing mode.
  void begin_term(std::int64_t term);
  // To be called after anything was written; true if there is a new change.
  bool note_changes();

  // One whole copy of the present data, made once per version.
  std::shared_ptr<const std::string> snapshot();
  // Replaces the data by a snapshot. If that loses changes which only this host has, the old data is
  // set aside first, and the name of that file returned.
  std::string apply(const std::string& snapshot);

 private:
  std::filesystem::path database_file() const { return folder_ / "salon.db"; }
  void write_role_file() const;
  void read_role_file();
  std::string set_present_data_aside();

  std::filesystem::path folder_;
  std::string host_;
  bool is_new_ = false;
  Role role_ = Role::replica;
  std::int64_t promised_term_ = 0;  // the term role.json promises to begin; kill -9 may come in between
  std::string peer_;
  History history_;
  std::optional<Database> database_;
  std::shared_ptr<const std::string> snapshot_;
  Version snapshot_version_;
};

}  // namespace salon
