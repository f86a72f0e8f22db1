// SQLite as the salon needs it: connections, statements and transactions that clean up after themselves.
//
// Everything throws DatabaseError when SQLite says no; server.cpp turns that into one answer.
// Thread: the salon has one. Every connection waits up to busy_timeout_ms for a lock, so a reader
// never fails because a snapshot is just being applied.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace salon {

class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  bool is_read_only() const { return (code_ & 0xff) == SQLITE_READONLY; }

 private:
  int code_;
};

// One prepared statement. bind() fills the parameters from left to right.
class Statement {
 public:
  Statement(sqlite3* connection, std::string_view sql);
  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view value);
  bool step();  // true: a row is there to be read
  void run();   // for statements that return no rows
  std::int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  void expect_ok(int code) const;

  sqlite3* connection_;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_;
  int next_parameter_ = 1;
};

class Database {
 public:
  enum class Access { read_only, read_write };

  static Database open(const std::filesystem::path& file, Access access);
  static Database in_memory();
  // A database made of the bytes of a database file; throws if they are not one.
  static Database from_bytes(std::string_view bytes);

  Statement prepare(std::string_view sql) const { return Statement(connection_.get(), sql); }
  void run(const char* script) const;
  bool is_read_only() const;
  std::string bytes() const;
  sqlite3* connection() const { return connection_.get(); }

 private:
  explicit Database(sqlite3* connection) : connection_(connection, sqlite3_close_v2) {}
  static Database open_with(const char* name, int flags);

  std::unique_ptr<sqlite3, int (*)(sqlite3*)> connection_;
};

// Replaces all of `to` by all of `from` in one whole sqlite3_backup_step: `to` is either as before
// or complete, also after kill -9, and a write to `from` in between cannot make it start again.
void copy_in_one_step(const Database& from, const Database& to);

// Rolls back unless commit() was reached.
class Transaction {
 public:
  explicit Transaction(const Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  const Database& database_;
  bool is_open_ = true;
};

}  // namespace salon
