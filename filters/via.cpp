#include "filters/via.h"

namespace halfdoor {

void ViaFilter::rewrite_request(const RequestContext&, RequestHead& head) {
  // A line of its own: a list field may be split over lines (RFC 9110 5.3), and nothing has to be copied.
  head.fields.add(FieldId::via, "Via", head.minor_version == 0 ? "1.0 halfdoor" : "1.1 halfdoor");
}

}  // namespace halfdoor
