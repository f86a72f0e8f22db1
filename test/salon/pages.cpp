// HTML for people, with forms that work without a script.
#include "pages.h"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "api.h"
#include "booking_form.h"
#include "fields.h"
#include "html.h"
#include "request_log.h"
#include "server.h"
#include "session.h"

namespace salon {

namespace {

constexpr std::int64_t max_listed = 200;

Response html_response(Server& server, const Request& request, int status, std::string_view title,
                       std::string_view body) {
  const html::Frame frame{server.options().name, server.replication().takes_writes(), server.options().halfdoor_url,
                          server.user_of(request).value_or("")};
  Response response{status, "text/html; charset=utf-8", html::page(frame, title, body), {}};
  response.headers = {{"Cache-Control", "no-store"}, {"Referrer-Policy", "same-origin"}};
  response.headers.emplace_back("Content-Security-Policy",
                                "frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
  return response;
}

Response welcome(Server& server, const Request& request) {
  std::string offers;
  for (const Service& service : list_services(server.replication().database())) {
    offers += fmt::format("<li>{}, {} minutes</li>", html::escape(service.name), service.minutes);
  }
  const std::string body = fmt::format(
      R"(<p class="card">Three chairs, good coffee, no waiting.</p>
<h2>What we do</h2><ul>{}</ul>
<p><a href="/bookings">See and make bookings</a></p>)",
      offers);
  return html_response(server, request, 200, "Welcome", body);
}

Response login_form(Server& server, const Request& request, int status, std::string_view error) {
  const std::string notice =
      error.empty() ? "" : fmt::format(R"(<p class="card notice" role="alert">{}</p>)", html::escape(error));
  const std::string body = notice + R"(<form class="card fields" method="post" action="/login">
<label>Name <input name="name" autocomplete="username" autocapitalize="none" required maxlength="40"></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required maxlength="80"></label>
<button>Log in</button>
<small>In this demo: anna, ben or carla, each with the own name as password.</small>
</form>)";
  return html_response(server, request, status, "Log in", body);
}

Response login(Server& server, const Request& request) {
  const Fields fields = read_body_fields(request);
  const std::string name = field_or(fields, "name", "");
  const bool is_valid = name.size() <= 40 && field_or(fields, "password", "").size() <= 80 &&
                        is_user(server.replication().database(), name, field_or(fields, "password", ""));
  if (!is_valid) {
    if (request.wants_json()) throw HttpError(401, "Name or password is wrong.");
    return login_form(server, request, 401, "Name or password is wrong.");
  }
  Response response =
      request.wants_json() ? json_response(200, nlohmann::json{{"user", name}}.dump()) : redirect("/bookings");
  const bool is_https = request.header("x-forwarded-proto") == "https";
  response.headers.emplace_back("Set-Cookie",
                                session_cookie(server.options().secret, name, std::time(nullptr), is_https));
  return response;
}

std::string service_options(Server& server, const std::string& selected) {
  std::string options;
  for (const Service& service : list_services(server.replication().database())) {
    options +=
        fmt::format("<option{}>{}</option>", service.name == selected ? " selected" : "", html::escape(service.name));
  }
  return options;
}

std::string chair_options(const std::string& selected) {
  std::string options;
  for (int chair = 1; chair <= chairs; ++chair) {
    options += fmt::format("<option{}>{}</option>", std::to_string(chair) == selected ? " selected" : "", chair);
  }
  return options;
}

// With what was typed before, so that a refused booking need not be typed again.
std::string booking_form(Server& server, const Fields& typed) {
  const auto value = [&typed](const std::string& name, const std::string& otherwise) {
    return html::escape(field_or(typed, name, otherwise));
  };
  return fmt::format(
      R"(<h2>New booking</h2>
<form class="card fields" method="post" action="/bookings">
<label>Customer <input name="customer" required maxlength="80" value="{}"></label>
<div class="pair"><label>Service <select name="service">{}</select></label>
<label>Chair <select name="chair">{}</select></label></div>
<div class="pair"><label>Day <input name="day" type="date" required value="{}"></label>
<label>Time <input name="time" type="time" step="900" min="09:00" max="17:45" required value="{}"></label></div>
<button>Book</button>
</form>
<h2>Free times</h2>
<form class="card fields" method="post" action="/availability/search">
<div class="pair"><label>Service <select name="service">{}</select></label>
<label>Day <input name="day" type="date" required value="{}"></label></div>
<button class="quiet">Find free times</button>
</form>)",
      value("customer", ""), service_options(server, field_or(typed, "service", "")),
      chair_options(field_or(typed, "chair", "1")), value("day", today()), value("time", "10:00"),
      service_options(server, field_or(typed, "service", "")), value("day", today()));
}

std::string booking_list(const std::vector<Booking>& bookings) {
  std::string list;
  std::string day;
  for (const Booking& booking : bookings) {
    if (booking.day != day) {
      if (!day.empty()) list += "</ul>";
      day = booking.day;
      list += fmt::format(R"(<h2>{}</h2><ul class="plain">)", html::escape(day));
    }
    list += fmt::format(
        R"(<li class="booking"><span><strong>{}</strong> {}<br><small>{}, chair {}, {} minutes</small></span>
<form method="post" action="/bookings/{}/cancel"><button class="quiet">Cancel</button></form></li>)",
        clock_time(booking.start_minute), html::escape(booking.customer), html::escape(booking.service), booking.chair,
        booking.minutes, booking.id);
  }
  return day.empty() ? "<p>No bookings yet.</p>" : list + "</ul>";
}

Response bookings_page(Server& server, const Request& request, int status, std::string_view error,
                       const Fields& typed) {
  std::string body;
  if (!error.empty()) body = fmt::format(R"(<p class="card notice" role="alert">{}</p>)", html::escape(error));
  const Fields query = parse_urlencoded(request.query);
  const std::string from = query.contains("from") ? read_day({{"day", query.at("from")}}) : today();
  // After a refused booking the form is what is wanted, else the list.
  const std::string list = booking_list(list_bookings(server.replication().database(), from, max_listed));
  const std::string form = booking_form(server, typed);
  body += error.empty() ? list + form : form + list;
  return html_response(server, request, status, "Bookings", body);
}

Response book_by_form(Server& server, const Request& request) {
  const Database& database = server.writable_database();
  const auto user = server.user_of(request);
  if (!user) return redirect("/login");
  const Fields fields = read_body_fields(request);
  try {
    const Booking booking = make_booking(database, fields, *user, server.options().name, request);
    return redirect("/bookings?from=" + booking.day);
  } catch (const HttpError& error) {
    return bookings_page(server, request, error.status(), error.what(), fields);
  }
}

Response cancel_by_form(Server& server, const Request& request, const Captures& captures) {
  const Database& database = server.writable_database();
  if (!server.user_of(request)) return redirect("/login");
  const auto booking = find_booking(database, parse_number(captures.at(0), "id", 1, INT64_MAX));
  if (!booking || !cancel(database, booking->id, utc_now())) throw HttpError(404, "There is no such booking.");
  return redirect("/bookings?from=" + booking->day);
}

Response search_free_times(Server& server, const Request& request) {
  const Fields fields = read_body_fields(request);
  const auto service = find_service(server.replication().database(), field_or(fields, "service", ""));
  if (!service) throw HttpError(400, fmt::format("The salon does not offer \"{}\".", field_or(fields, "service", "")));
  const std::string day = read_day(fields);
  const auto slots = free_slots(server.replication().database(), day, service->minutes);
  if (request.wants_json()) {
    auto free = nlohmann::ordered_json::array();
    for (const Slot& slot : slots) free.push_back({{"chair", slot.chair}, {"time", clock_time(slot.start_minute)}});
    return json_response(200, nlohmann::ordered_json{{"day", day}, {"service", service->name}, {"free", free}}.dump());
  }
  std::string list;
  for (const Slot& slot : slots)
    list += fmt::format("<li>{}, chair {}</li>", clock_time(slot.start_minute), slot.chair);
  const std::string body = fmt::format(
      "<p>{} on {}</p><ul>{}</ul><p><a href=\"/bookings\">Back to the bookings</a></p>", html::escape(service->name),
      html::escape(day), list.empty() ? "<li>Everything is taken.</li>" : list);
  return html_response(server, request, 200, "Free times", body);
}

}  // namespace

void add_pages(Server& server) {
  server.on("GET", "/", [&server](const Request& request, const Captures&) { return welcome(server, request); });
  server.on("GET", "/login",
            [&server](const Request& request, const Captures&) { return login_form(server, request, 200, ""); });
  server.on("POST", "/login", [&server](const Request& request, const Captures&) { return login(server, request); });
  server.on("POST", "/logout", [](const Request&, const Captures&) {
    Response response = redirect("/");
    response.headers.emplace_back("Set-Cookie", ended_session_cookie());
    return response;
  });
  server.on("GET", "/bookings", [&server](const Request& request, const Captures&) {
    return server.user_of(request) ? bookings_page(server, request, 200, "", {}) : redirect("/login");
  });
  server.on("POST", "/bookings", [&server](const Request& request, const Captures&) {
    return request.wants_json() ? book_by_json(server, request) : book_by_form(server, request);
  });
  server.on("POST", "/bookings/*/cancel", [&server](const Request& request, const Captures& captures) {
    return cancel_by_form(server, request, captures);
  });
  server.on("POST", "/availability/search",
            [&server](const Request& request, const Captures&) { return search_free_times(server, request); });
}

}  // namespace salon
