// The JSON API under /api and DELETE /bookings/ID.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "booking_store.h"
#include "exchange.h"

namespace salon {

class Server;

nlohmann::ordered_json to_json(const Booking& booking);

// Books from a JSON body: 201 with the booking. Also what POST /bookings does with JSON.
Response book_by_json(Server& server, const Request& request);

void add_api(Server& server);

}  // namespace salon
