#include "filters/read_only.h"

#include "exchange/read_only.h"
#include "filters/notice.h"

namespace halfdoor {

std::optional<LocalReply> ReadOnlyFilter::admit(const RequestContext& context, const RequestHead& head) {
  if (context.state->mode != Mode::closed &&
      passes_read_only(head, context.service->read_only, context.body).verdict != ReadOnlyVerdict::refused) {
    return std::nullopt;
  }
  return BuiltInNotices().refuse(context, head);
}

}  // namespace halfdoor
