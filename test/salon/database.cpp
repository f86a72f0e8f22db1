// SQLite connections, statements, transactions and the one-step copy.
#include "database.h"

#include <cstring>

namespace salon {

namespace {

constexpr int busy_timeout_ms = 5000;

[[noreturn]] void fail(sqlite3* connection, int code) {
  throw DatabaseError(code, connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
}

}  // namespace

Statement::Statement(sqlite3* connection, std::string_view sql)
    : connection_(connection), statement_(nullptr, sqlite3_finalize) {
  sqlite3_stmt* prepared = nullptr;
  expect_ok(sqlite3_prepare_v2(connection, sql.data(), static_cast<int>(sql.size()), &prepared, nullptr));
  statement_.reset(prepared);
}

void Statement::expect_ok(int code) const {
  if (code != SQLITE_OK) fail(connection_, code);
}

Statement& Statement::bind(std::int64_t value) {
  expect_ok(sqlite3_bind_int64(statement_.get(), next_parameter_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  expect_ok(sqlite3_bind_text(statement_.get(), next_parameter_++, value.data(), static_cast<int>(value.size()),
                              SQLITE_TRANSIENT));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(connection_, code);
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return text == nullptr ? std::string()
                         : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Database Database::open_with(const char* name, int flags) {
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(name, &connection, flags, nullptr);
  Database database(connection);
  if (code != SQLITE_OK) fail(connection, code);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, busy_timeout_ms);
  return database;
}

Database Database::open(const std::filesystem::path& file, Access access) {
  const int flags = access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  Database database = open_with(file.c_str(), flags);
  // A booking that was confirmed survives a power cut.
  database.run("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  return database;
}

Database Database::in_memory() {
  return open_with(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
}

Database Database::from_bytes(std::string_view bytes) {
  Database database = in_memory();
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(bytes.size() + 1));
  if (copy == nullptr) fail(nullptr, SQLITE_NOMEM);
  std::memcpy(copy, bytes.data(), bytes.size());
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  const int code = sqlite3_deserialize(database.connection(), "main", copy, size, size,
                                       SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY);
  if (code != SQLITE_OK) fail(database.connection(), code);
  return database;
}

void Database::run(const char* script) const {
  const int code = sqlite3_exec(connection_.get(), script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(connection_.get(), code);
}

bool Database::is_read_only() const { return sqlite3_db_readonly(connection_.get(), "main") != 0; }

std::string Database::bytes() const {
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> data(sqlite3_serialize(connection_.get(), "main", &size, 0),
                                                             sqlite3_free);
  if (data == nullptr) fail(nullptr, SQLITE_NOMEM);
  return {reinterpret_cast<const char*>(data.get()), static_cast<std::size_t>(size)};
}

void copy_in_one_step(const Database& from, const Database& to) {
  sqlite3_backup* backup = sqlite3_backup_init(to.connection(), "main", from.connection(), "main");
  if (backup == nullptr) fail(to.connection(), sqlite3_extended_errcode(to.connection()));
  const int stepped = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE) fail(nullptr, stepped);
  if (finished != SQLITE_OK) fail(nullptr, finished);
}

Transaction::Transaction(const Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  // An error may have rolled back already; then there is nothing left to do, and nobody to tell.
  if (is_open_) sqlite3_exec(database_.connection(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.run("COMMIT");
  is_open_ = false;
}

}  // namespace salon
