// What depends on the mode: the chain, the refusal, the fields of responses, the well-known answer.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "filters/chain.h"
#include "filters/mode_field.h"
#include "filters/read_only.h"
#include "filters/well_known.h"
#include "test/unit/filters/filter_fixture.h"

namespace halfdoor {
namespace {

using Json = nlohmann::json;

std::string names_of(const std::vector<Filter*>& filters) {
  std::string names;
  for (const Filter* filter : filters) names += (names.empty() ? "" : " ") + std::string(filter->name());
  return names;
}

// Through the whole chain, as an exchange does it.
std::optional<LocalReply> admit(FilterFixture& fixture, std::string_view line, std::string_view fields = {}) {
  static const std::vector<std::unique_ptr<Filter>> filters = make_filters();
  const FilterChain chain = make_chain(filters, fixture.service, fixture.state.mode);
  const RequestHead& head = fixture.receive(line, fields);
  REQUIRE(fixture.request->is_valid());
  for (Filter* filter : chain.admit) {
    if (std::optional<LocalReply> reply = filter->admit(fixture.context, head)) return reply;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("only_filters_that_do_something_are_in_the_chain") {
  const auto filters = make_filters();
  for (Mode mode : kModes) {
    const FilterChain chain = make_chain(filters, ServiceConfig{}, mode);
    INFO(to_text(mode));
    CHECK(names_of(chain.admit) == (writes_pass(mode) ? "well_known" : "well_known read_only"));
    CHECK(names_of(chain.rewrite_request) == "forwarded request_id via");
    CHECK(names_of(chain.rewrite_response) == "request_id mode_field");
  }
}

TEST_CASE("writes_pass_or_are_refused_as_the_mode_says") {
  FilterFixture fixture;
  fixture.service.read_only.allow.push_back(*Rule::parse("POST /login"));
  fixture.service.read_only.deny.push_back(*Rule::parse("GET /bookings/*/cancel"));
  struct Row {
    Mode mode;
    bool write, read, allowed, denied;  // what gets through
  };
  for (const Row& row :
       {Row{Mode::primary, true, true, true, true}, Row{Mode::primary_readonly, false, true, true, false},
        Row{Mode::backup_readonly, false, true, true, false}, Row{Mode::backup_writable, true, true, true, true},
        Row{Mode::closed, false, false, false, false}}) {
    fixture.set_mode(row.mode);
    INFO(to_text(row.mode));
    CHECK(!admit(fixture, "POST /bookings") == row.write);
    CHECK(!admit(fixture, "GET /bookings") == row.read);
    CHECK(!admit(fixture, "POST /login") == row.allowed);
    CHECK(!admit(fixture, "GET /bookings/5/cancel") == row.denied);
    CHECK(!admit(fixture, "OPTIONS *") == row.read);
  }
}

TEST_CASE("a_refused_write_is_answered_by_the_notice") {
  FilterFixture fixture;
  const auto reply = admit(fixture, "POST /bookings", "Accept: application/json\nContent-Length: 4\n");
  REQUIRE(reply);
  CHECK(reply->head.status == 503);
  CHECK(Json::parse(reply->body)["mode"] == "backup-readonly");
  CHECK(reply->discards_body);
}

TEST_CASE("responses_carry_the_mode_unless_it_is_primary") {
  FilterFixture fixture;
  for (Mode mode : kModes) {
    fixture.set_mode(mode);
    ResponseHead response;
    response.fields.add("Halfdoor-Mode", "closed; epoch=99");
    response.fields.add("halfdoor-mode", "forged");
    response.fields.add("Halfdoor-Served-By", "the host");
    response.fields.add("Content-Type", "text/html");
    ModeFieldFilter().rewrite_response(fixture.context, response);
    INFO(to_text(mode));
    CHECK(values_of(response.fields, "Halfdoor-Mode") ==
          (mode == Mode::primary ? "-" : std::string(to_text(mode)) + "; epoch=8"));
    CHECK(values_of(response.fields, "Halfdoor-Served-By") == "-");
    CHECK(values_of(response.fields, "Content-Type") == "text/html");
  }
}

TEST_CASE("fallback_reads_say_who_served_them") {
  FilterFixture fixture;
  fixture.set_mode(Mode::primary);
  fixture.context.side = Side::backup;
  fixture.context.is_fallback = true;
  ResponseHead response;
  response.fields.add("Halfdoor-Served-By", "the host");
  ModeFieldFilter().rewrite_response(fixture.context, response);
  CHECK(values_of(response.fields, "Halfdoor-Served-By") == "backup; fallback");
  CHECK(values_of(response.fields, "Halfdoor-Mode") == "-");
  fixture.context.is_local_reply = true;
  ResponseHead local;
  ModeFieldFilter().rewrite_response(fixture.context, local);
  CHECK(values_of(local.fields, "Halfdoor-Served-By") == "-");
}

TEST_CASE("the_well_known_answer_is_given_in_every_mode") {
  FilterFixture fixture;
  for (Mode mode : kModes) {
    fixture.set_mode(mode);
    for (std::string_view line :
         {"GET /.well-known/halfdoor", "HEAD /.well-known/halfdoor", "GET /.well-known/halfdoor?x=1"}) {
      const auto reply = admit(fixture, line, "Origin: https://app.example\n");
      REQUIRE(reply);
      CHECK(reply->head.status == 200);
      CHECK(values_of(reply->head.fields, "Content-Type") == "application/json");
      CHECK(values_of(reply->head.fields, "Cache-Control") == "no-store");
      CHECK(values_of(reply->head.fields, "Access-Control-Allow-Origin") == "https://app.example");
      const Json body = Json::parse(reply->body);
      CHECK(body.size() == 6);
      CHECK(body["service"] == "salon");
      CHECK(body["mode"] == to_text(mode));
      CHECK(body["read_only"] == !writes_pass(mode));
      CHECK(body["since"] == "2026-11-22T16:38:44Z");
      CHECK(body["until"].is_null());
      CHECK(body["epoch"] == 8);
    }
  }
  fixture.state.until = fixture.state.since + std::chrono::hours(1);
  CHECK(Json::parse(admit(fixture, "GET /.well-known/halfdoor")->body)["until"] == "2026-11-22T17:38:44Z");
}

TEST_CASE("the_well_known_path_knows_get_and_head_only") {
  FilterFixture fixture;
  fixture.set_mode(Mode::primary);
  for (std::string_view method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    const auto reply = admit(fixture, std::string(method) + " /.well-known/halfdoor", "Content-Length: 3\n");
    REQUIRE(reply);
    CHECK(reply->head.status == 405);
    CHECK(values_of(reply->head.fields, "Allow") == "GET, HEAD");
    CHECK(reply->discards_body);
  }
  CHECK(admit(fixture, "GET /.well-known/halfdoor/events")->head.status == 501);
}

TEST_CASE("other_spellings_of_the_well_known_path_go_the_usual_way") {
  FilterFixture fixture;
  fixture.set_mode(Mode::primary);
  for (std::string_view path :
       {"/.well-known/halfdoor/", "/.well-known//halfdoor", "/.well-known/Halfdoor", "/%2ewell-known/halfdoor",
        "/.well-known/halfdoor;x", "/.well-known/halfdoor/x", "/.well-known/halfdoo", "/.well-known", "/",
        "/x/.well-known/halfdoor", "/.well-known/halfdoor/events/"}) {
    INFO(path);
    CHECK_FALSE(admit(fixture, "GET " + std::string(path)));
  }
}

}  // namespace halfdoor
