// From what somebody typed to a booking, or the reason why not.
#pragma once

#include <string>
#include <string_view>

#include "booking_store.h"
#include "fields.h"

namespace salon {

std::string read_day(const Fields& fields);   // throws HttpError(400)
std::string today();                          // local time
std::string clock_time(std::int64_t minute);  // "09:30"

// Checks customer, service, chair, day and time; throws HttpError(400) with a sentence for the reader.
// Days in the past are fine: salons write down walk-in customers afterwards.
Booking read_booking_fields(const Database& database, const Fields& fields);

// The same for who books it, and books it: throws HttpError(409) if the chair is taken.
Booking make_booking(const Database& database, const Fields& fields, const std::string& user, const std::string& host,
                     const Request& request);

}  // namespace salon
