#include "filters/request_id.h"

namespace halfdoor {

void RequestIdFilter::rewrite_request(const RequestContext& context, RequestHead& head) {
  head.fields.set(FieldId::x_request_id, "X-Request-Id", context.request_id);
}

void RequestIdFilter::rewrite_response(const RequestContext& context, ResponseHead& head) {
  head.fields.set(FieldId::x_request_id, "X-Request-Id", context.request_id);
}

}  // namespace halfdoor
