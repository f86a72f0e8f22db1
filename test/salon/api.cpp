// Bookings as JSON.
#include "api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "booking_form.h"
#include "fields.h"
#include "request_log.h"
#include "server.h"

namespace salon {

namespace {

constexpr std::int64_t max_listed = 100'000;  // checkers read everything at once

std::string require_user(const Server& server, const Request& request) {
  const auto user = server.user_of(request);
  if (!user) throw HttpError(401, "Log in first: POST /login, and send the cookie.");
  return *user;
}

std::int64_t read_id(const Captures& captures) {
  try {
    return parse_number(captures.at(0), "id", 1, INT64_MAX);
  } catch (const HttpError&) {
    throw HttpError(404, "There is no such booking.");
  }
}

Response list(Server& server, const Request& request) {
  require_user(server, request);
  const Fields query = parse_urlencoded(request.query);
  const std::int64_t limit = number_or(query, "limit", 1000, 1, max_listed);
  const std::string from = query.contains("from") ? read_day({{"day", query.at("from")}}) : "0000-00-00";
  auto bookings = nlohmann::ordered_json::array();
  for (const Booking& booking : list_bookings(server.replication().database(), from, limit)) {
    bookings.push_back(to_json(booking));
  }
  const nlohmann::ordered_json json = {{"host", server.options().name}, {"bookings", bookings}};
  return json_response(200, json.dump());
}

Response show(Server& server, const Request& request, const Captures& captures) {
  require_user(server, request);
  const auto booking = find_booking(server.replication().database(), read_id(captures));
  if (!booking) throw HttpError(404, "There is no such booking.");
  return json_response(200, to_json(*booking).dump());
}

Response cancel_by_id(Server& server, const Request& request, const Captures& captures) {
  const Database& database = server.writable_database();
  require_user(server, request);
  const std::int64_t id = read_id(captures);
  if (!cancel(database, id, utc_now())) throw HttpError(404, "There is no such booking.");
  return json_response(200, nlohmann::json{{"cancelled", id}}.dump());
}

}  // namespace

nlohmann::ordered_json to_json(const Booking& booking) {
  return {{"id", booking.id},           {"customer", booking.customer},
          {"service", booking.service}, {"chair", booking.chair},
          {"day", booking.day},         {"time", clock_time(booking.start_minute)},
          {"minutes", booking.minutes}, {"booked_by", booking.booked_by},
          {"host", booking.host},       {"request_id", booking.request_id},
          {"created", booking.created}};
}

Response book_by_json(Server& server, const Request& request) {
  // Whether writes are taken comes first: a copy says so to everybody.
  const Database& database = server.writable_database();
  const std::string user = require_user(server, request);
  const Booking booking = make_booking(database, read_body_fields(request), user, server.options().name, request);
  Response response = json_response(201, to_json(booking).dump());
  response.headers.emplace_back("Location", fmt::format("/api/bookings/{}", booking.id));
  return response;
}

void add_api(Server& server) {
  server.on("GET", "/api/services", [&server](const Request&, const Captures&) {
    auto services = nlohmann::ordered_json::array();
    for (const Service& service : list_services(server.replication().database())) {
      services.push_back({{"name", service.name}, {"minutes", service.minutes}});
    }
    return json_response(200, nlohmann::ordered_json{{"services", services}}.dump());
  });
  server.on("GET", "/api/bookings",
            [&server](const Request& request, const Captures&) { return list(server, request); });
  server.on("POST", "/api/bookings",
            [&server](const Request& request, const Captures&) { return book_by_json(server, request); });
  for (const char* path : {"/bookings/*", "/api/bookings/*"}) {
    server.on("DELETE", path, [&server](const Request& request, const Captures& captures) {
      return cancel_by_id(server, request, captures);
    });
  }
  server.on("GET", "/api/bookings/*",
            [&server](const Request& request, const Captures& captures) { return show(server, request, captures); });
}

}  // namespace salon
