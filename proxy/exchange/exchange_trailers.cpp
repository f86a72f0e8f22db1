// Trailers: passed on where the client takes them, and never merged into a head (RFC 9110 6.5).
#include <vector>

#include "exchange/exchange.h"
#include "exchange/override.h"
#include "http/field_rules.h"
#include "http/semantics.h"

namespace halfdoor {

void Exchange::announce_trailers() {
  if (!request_.is_websocket_handshake) {
    outgoing_.fields.add(FieldId::connection, "Connection", "TE");
    outgoing_.fields.add(FieldId::te, "TE", "trailers");
  }
  if (request_.framing != BodyFraming::chunked) return;
  for (const Field& field : request_.fields) {
    if (field.id == FieldId::trailer) outgoing_.fields.add(field.id, field.name, field.value);
  }
}

void Exchange::clean_response_fields() {
  if (!forwards_trailers() || response_.framing != BodyFraming::chunked || !response_.fields.has(FieldId::trailer)) {
    return remove_hop_by_hop(response_.fields);
  }
  std::vector<Field> announced;
  for (const Field& field : response_.fields) {
    if (field.id == FieldId::trailer) announced.push_back(field);
  }
  remove_hop_by_hop(response_.fields);
  for (const Field& field : announced) response_.fields.add(field.id, field.name, field.value);
}

std::string_view Exchange::take_request_trailers(std::string_view trailers) {
  if (!forwards_trailers() || discards_request_body()) return {};
  // A host may merge them into the head. What is configured to override the method there is not known to the codec.
  const auto& names = context_.service->read_only.override_names;
  for (std::string_view rest = trailers; !rest.empty();) {
    Field field;
    if (!parse_field_line(take_line(rest), field).empty()) return "bad trailer";
    if (is_override_field(field, names) || is_path_override_field(field)) return "trailer that overrides the request";
  }
  request_trailers_ = arena_.copy(trailers);
  return {};
}

void Exchange::on_trailers(std::string_view trailers) {
  if (forwards_trailers()) response_trailers_ = arena_.copy(trailers);
}

}  // namespace halfdoor
