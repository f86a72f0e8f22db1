// Bookings, services and users in the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace salon {

class Database;

inline constexpr int chairs = 3;
inline constexpr int opens_at_minute = 9 * 60;
inline constexpr int closes_at_minute = 18 * 60;
inline constexpr int slot_minutes = 15;

struct Service {
  std::string name;
  std::int64_t minutes = 0;
};

struct Booking {
  std::int64_t id = 0;
  std::string customer;
  std::string service;
  std::int64_t chair = 1;
  std::string day;  // "2030-01-02"
  std::int64_t start_minute = 0;
  std::int64_t minutes = 0;
  std::string booked_by;
  std::string host;        // the host that took the booking
  std::string request_id;  // X-Request-Id of the request that made it
  std::string created;
};

struct Slot {
  std::int64_t chair;
  std::int64_t start_minute;
};

std::vector<Service> list_services(const Database& database);
std::optional<Service> find_service(const Database& database, std::string_view name);

// Those not cancelled, from a day on, in the order of time.
std::vector<Booking> list_bookings(const Database& database, std::string_view from_day, std::int64_t limit);
std::optional<Booking> find_booking(const Database& database, std::int64_t id);

// Returns the id, or nothing if the chair is taken at any minute of that time.
std::optional<std::int64_t> book(const Database& database, const Booking& booking);
// False if there is no such booking, or it was cancelled before.
bool cancel(const Database& database, std::int64_t id, std::string_view now);

std::vector<Slot> free_slots(const Database& database, std::string_view day, std::int64_t minutes);

bool is_user(const Database& database, std::string_view name, std::string_view password);

}  // namespace salon
