// Checking days, times and names.
#include "booking_form.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "database.h"
#include "request_log.h"

namespace salon {

namespace {

constexpr std::size_t max_customer_bytes = 80;

bool has_form(std::string_view text, std::string_view form) {  // '0' stands for any digit
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !is_digit : text[i] != form[i]) return false;
  }
  return true;
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char digit : text.substr(at, count)) value = value * 10 + (digit - '0');
  return value;
}

std::int64_t read_time(const std::string& text) {
  if (!has_form(text, "00:00") || digits(text, 0, 2) > 23 || digits(text, 3, 2) > 59) {
    throw HttpError(400, "The time must look like 14:30.");
  }
  const int minute = digits(text, 0, 2) * 60 + digits(text, 3, 2);
  if (minute % slot_minutes != 0)
    throw HttpError(400, fmt::format("Appointments start every {} minutes.", slot_minutes));
  return minute;
}

// UTF-8 without control characters, so that lists, logs and JSON stay readable.
bool is_clean_text(std::string_view text) {
  std::size_t follow = 0;
  for (const char raw : text) {
    const auto byte = static_cast<unsigned char>(raw);
    if (follow > 0) {
      if ((byte & 0xc0) != 0x80) return false;
      --follow;
    } else if (byte < 0x20 || byte == 0x7f) {
      return false;
    } else if (byte >= 0x80) {
      follow = byte >= 0xf0 && byte < 0xf5 ? 3 : byte >= 0xe0 && byte < 0xf0 ? 2 : byte >= 0xc2 && byte < 0xe0 ? 1 : 0;
      if (follow == 0) return false;
    }
  }
  return follow == 0;
}

std::string read_customer(const Fields& fields) {
  std::string customer = field_or(fields, "customer", "");
  customer.erase(0, customer.find_first_not_of(' '));
  customer.erase(customer.find_last_not_of(' ') + 1);
  if (customer.empty()) throw HttpError(400, "Who is the customer? A name is missing.");
  if (customer.size() > max_customer_bytes) {
    throw HttpError(400, fmt::format("The customer's name is longer than {} letters.", max_customer_bytes));
  }
  if (!is_clean_text(customer)) throw HttpError(400, "The customer's name has letters that cannot be shown.");
  return customer;
}

}  // namespace

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string clock_time(std::int64_t minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

std::string read_day(const Fields& fields) {
  std::string text = field_or(fields, "day", "");
  if (!has_form(text, "0000-00-00")) throw HttpError(400, "The day must look like 2030-01-31.");
  const std::chrono::year_month_day day{std::chrono::year(digits(text, 0, 4)),
                                        std::chrono::month(static_cast<unsigned>(digits(text, 5, 2))),
                                        std::chrono::day(static_cast<unsigned>(digits(text, 8, 2)))};
  if (!day.ok() || digits(text, 0, 4) < 2000) throw HttpError(400, fmt::format("There is no day {}.", text));
  return text;
}

Booking read_booking_fields(const Database& database, const Fields& fields) {
  Booking booking;
  booking.customer = read_customer(fields);
  const auto service = find_service(database, field_or(fields, "service", ""));
  if (!service) {
    throw HttpError(400, fmt::format("The salon does not offer \"{}\".", field_or(fields, "service", "")));
  }
  booking.service = service->name;
  booking.minutes = service->minutes;
  booking.chair = number_or(fields, "chair", 1, 1, chairs);
  booking.day = read_day(fields);
  booking.start_minute = read_time(field_or(fields, "time", ""));
  if (booking.start_minute < opens_at_minute || booking.start_minute + booking.minutes > closes_at_minute) {
    throw HttpError(
        400, fmt::format("The salon is open from {} to {}, and {} takes {} minutes.", clock_time(opens_at_minute),
                         clock_time(closes_at_minute), booking.service, booking.minutes));
  }
  return booking;
}

Booking make_booking(const Database& database, const Fields& fields, const std::string& user, const std::string& host,
                     const Request& request) {
  Booking booking = read_booking_fields(database, fields);
  booking.booked_by = user;
  booking.host = host;
  booking.request_id = request.request_id();
  booking.created = utc_now();
  const auto id = book(database, booking);
  if (!id) {
    throw HttpError(409, fmt::format("Chair {} is taken on {} at {}. Please choose another time or chair.",
                                     booking.chair, booking.day, clock_time(booking.start_minute)));
  }
  booking.id = *id;
  return booking;
}

}  // namespace salon
