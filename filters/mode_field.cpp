#include "filters/mode_field.h"

namespace halfdoor {

namespace {

bool is_ours(const Field& field) {
  return field.id == FieldId::halfdoor_mode || field.id == FieldId::halfdoor_served_by;
}

}  // namespace

void ModeFieldFilter::rewrite_response(const RequestContext& context, ResponseHead& head) {
  head.fields.remove_if(is_ours);
  const ServiceState& state = *context.state;
  if (state.mode != Mode::primary) {
    // A copy: where the client does not read, the head may wait longer than the snapshot lives.
    head.fields.add(FieldId::halfdoor_mode, "Halfdoor-Mode", context.arena->copy(state.mode_field));
  }
  if (context.is_fallback && !context.is_local_reply) {
    head.fields.add(FieldId::halfdoor_served_by, "Halfdoor-Served-By",
                    context.side == Side::backup ? "backup; fallback" : "primary; fallback");
  }
}

}  // namespace halfdoor
