// The salon's queries.
#include "booking_store.h"

#include <array>

#include "database.h"
#include "signing.h"

namespace salon {

namespace {

constexpr std::string_view booking_columns =
    "SELECT id, customer, service, chair, day, start_minute, minutes, booked_by, host, request_id, created "
    "FROM bookings WHERE cancelled IS NULL AND ";

Booking read_booking(const Statement& row) {
  return {row.integer(0), row.text(1), row.text(2), row.integer(3), row.text(4), row.integer(5),
          row.integer(6), row.text(7), row.text(8), row.text(9),    row.text(10)};
}

Statement select_bookings(const Database& database, std::string_view condition) {
  return database.prepare(std::string(booking_columns).append(condition));
}

}  // namespace

std::vector<Service> list_services(const Database& database) {
  std::vector<Service> services;
  Statement rows = database.prepare("SELECT name, minutes FROM services ORDER BY name");
  while (rows.step()) services.push_back({rows.text(0), rows.integer(1)});
  return services;
}

std::optional<Service> find_service(const Database& database, std::string_view name) {
  Statement row = database.prepare("SELECT name, minutes FROM services WHERE name = ?");
  if (!row.bind(name).step()) return std::nullopt;
  return Service{row.text(0), row.integer(1)};
}

std::vector<Booking> list_bookings(const Database& database, std::string_view from_day, std::int64_t limit) {
  std::vector<Booking> bookings;
  Statement rows = select_bookings(database, "day >= ? ORDER BY day, start_minute, chair LIMIT ?");
  rows.bind(from_day).bind(limit);
  while (rows.step()) bookings.push_back(read_booking(rows));
  return bookings;
}

std::optional<Booking> find_booking(const Database& database, std::int64_t id) {
  Statement row = select_bookings(database, "id = ?");
  if (!row.bind(id).step()) return std::nullopt;
  return read_booking(row);
}

std::optional<std::int64_t> book(const Database& database, const Booking& booking) {
  Transaction transaction(database);
  {
    Statement taken =
        select_bookings(database, "chair = ? AND day = ? AND start_minute < ? AND start_minute + minutes > ?");
    taken.bind(booking.chair).bind(booking.day);
    taken.bind(booking.start_minute + booking.minutes).bind(booking.start_minute);
    if (taken.step()) return std::nullopt;
  }
  database
      .prepare(
          "INSERT INTO bookings (customer, service, chair, day, start_minute, minutes, booked_by, host, request_id, "
          "created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(booking.customer)
      .bind(booking.service)
      .bind(booking.chair)
      .bind(booking.day)
      .bind(booking.start_minute)
      .bind(booking.minutes)
      .bind(booking.booked_by)
      .bind(booking.host)
      .bind(booking.request_id)
      .bind(booking.created)
      .run();
  const std::int64_t id = sqlite3_last_insert_rowid(database.connection());
  transaction.commit();
  return id;
}

bool cancel(const Database& database, std::int64_t id, std::string_view now) {
  Transaction transaction(database);
  database.prepare("UPDATE bookings SET cancelled = ? WHERE id = ? AND cancelled IS NULL").bind(now).bind(id).run();
  // Without the trigger that counts changes.
  const bool is_cancelled = sqlite3_changes(database.connection()) == 1;
  transaction.commit();
  return is_cancelled;
}

std::vector<Slot> free_slots(const Database& database, std::string_view day, std::int64_t minutes) {
  // taken[chair - 1][slot of the day]
  std::array<std::array<bool, 24 * 60 / slot_minutes>, chairs> taken{};
  Statement rows = select_bookings(database, "day = ?");
  rows.bind(day);
  while (rows.step()) {
    const Booking booking = read_booking(rows);
    for (auto minute = booking.start_minute; minute < booking.start_minute + booking.minutes; minute += slot_minutes) {
      taken.at(static_cast<std::size_t>(booking.chair - 1)).at(static_cast<std::size_t>(minute / slot_minutes)) = true;
    }
  }
  std::vector<Slot> slots;
  for (std::int64_t start = opens_at_minute; start + minutes <= closes_at_minute; start += slot_minutes) {
    for (std::int64_t chair = 1; chair <= chairs; ++chair) {
      const auto& of_chair = taken.at(static_cast<std::size_t>(chair - 1));
      bool is_free = true;
      for (auto minute = start; minute < start + minutes; minute += slot_minutes) {
        is_free = is_free && !of_chair.at(static_cast<std::size_t>(minute / slot_minutes));
      }
      if (is_free) slots.push_back({chair, start});
    }
  }
  return slots;
}

bool is_user(const Database& database, std::string_view name, std::string_view password) {
  Statement row = database.prepare("SELECT password FROM users WHERE name = ?");
  // An unknown user costs as much time as a known one, or the time would tell who exists.
  const bool is_known = row.bind(name).step();
  return is_password(password, is_known ? row.text(0) : "0$0") && is_known;
}

}  // namespace salon
