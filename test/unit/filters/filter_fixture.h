// What a filter may know about an exchange, made for tests.
#pragma once

#include "exchange/filter.h"
#include "test/unit/exchange/parsed_request.h"

namespace halfdoor {

inline constexpr int64_t kSince = 1'795'365'524;  // 2026-11-22T16:38:44Z

struct FilterFixture {
  FilterFixture() {
    service.name = "salon";
    service.hosts = {"www.salon.example"};
    set_mode(Mode::backup_readonly);
    state.since = WallTime(std::chrono::seconds(kSince));
    context.service = &service;
    context.state = &state;
    context.request_id = "01HF-id";
    context.client_address = "203.0.113.9";
    context.server_name = "10.0.0.1:8080";
    context.wall_seconds = kSince + 60;
    receive("GET /", "");
  }
  FilterFixture(const FilterFixture&) = delete;
  FilterFixture& operator=(const FilterFixture&) = delete;

  void set_mode(Mode mode) {
    state.mode = mode;
    state.epoch = 8;
    state.mode_field = make_mode_field(mode, state.epoch);
  }
  // The request of the next calls.
  const RequestHead& receive(std::string_view method_and_target, std::string_view fields) {
    request = parse_request(method_and_target, fields);
    context.request = &request->head();
    context.arena = &request->arena();
    return request->head();
  }

  ServiceConfig service;
  ServiceState state;
  RequestContext context;
  std::unique_ptr<ParsedRequest> request;
};

// All values of a name, joined by " | "; "-" where there is none.
inline std::string values_of(const FieldList& fields, std::string_view name) {
  std::string joined;
  bool is_there = false;
  for (const Field& field : fields) {
    if (!iequals(field.name, name)) continue;
    // Every field must be findable the way the data path looks for it.
    if (field.id != find_field_id(field.name)) return "wrong id";
    if (is_there) joined += " | ";
    joined += field.value;
    is_there = true;
  }
  return is_there ? joined : "-";
}

}  // namespace halfdoor
