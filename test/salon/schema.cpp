// Tables, the triggers that count changes, and the demo data.
#include "schema.h"

#include <string_view>

#include "database.h"
#include "signing.h"

namespace salon {

namespace {

constexpr const char* tables = R"sql(
CREATE TABLE IF NOT EXISTS replication (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  lineage  TEXT NOT NULL,
  change   INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS terms (
  term                 INTEGER PRIMARY KEY,
  started_after_change INTEGER NOT NULL,
  host                 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS users (
  name     TEXT PRIMARY KEY,
  password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS services (
  name    TEXT PRIMARY KEY,
  minutes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS bookings (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  customer     TEXT NOT NULL,
  service      TEXT NOT NULL REFERENCES services(name),
  chair        INTEGER NOT NULL,
  day          TEXT NOT NULL,
  start_minute INTEGER NOT NULL,
  minutes      INTEGER NOT NULL,
  booked_by    TEXT NOT NULL,
  host         TEXT NOT NULL,
  request_id   TEXT NOT NULL,
  created      TEXT NOT NULL,
  cancelled    TEXT
);
CREATE INDEX IF NOT EXISTS bookings_by_day ON bookings(day, start_minute);
)sql";

// Triggers, so that no writer can forget to count: not a handler, not somebody with the sqlite3 shell.
void count_changes_of(const Database& database, const std::string& table) {
  for (const std::string_view event : {"INSERT", "UPDATE", "DELETE"}) {
    std::string sql = "CREATE TRIGGER IF NOT EXISTS count_" + table + "_";
    sql.append(event).append(" AFTER ").append(event).append(" ON ").append(table);
    sql.append(" BEGIN UPDATE replication SET change = change + 1; END");
    database.run(sql.c_str());
  }
}

}  // namespace

void create_tables(const Database& database) {
  Transaction transaction(database);
  database.run(tables);
  for (const char* table : {"users", "services", "bookings"}) count_changes_of(database, table);
  transaction.commit();
}

void fill_new_salon(const Database& database, const std::string& host) {
  Transaction transaction(database);
  database.prepare("INSERT INTO replication VALUES (1, ?, 0)").bind(random_hex(8)).run();
  begin_term(database, 1, host);
  for (const std::string_view name : {"anna", "ben", "carla"}) {
    database.prepare("INSERT INTO users VALUES (?, ?)").bind(name).bind(hash_password(name)).run();
  }
  struct Offer {
    std::string_view name;
    std::int64_t minutes;
  };
  for (const Offer& offer :
       {Offer{"haircut", 30}, Offer{"colour", 90}, Offer{"blow-dry", 30}, Offer{"beard trim", 15}}) {
    database.prepare("INSERT INTO services VALUES (?, ?)").bind(offer.name).bind(offer.minutes).run();
  }
  transaction.commit();
}

void begin_term(const Database& database, std::int64_t term, const std::string& host) {
  database.prepare("INSERT INTO terms SELECT ?, change, ? FROM replication").bind(term).bind(host).run();
}

}  // namespace salon
