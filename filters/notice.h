// The notices: what a client gets to read when no host answers it (design 1.7, 5 and 8). Friendly, in the client's
// language and format; reflects nothing of the request but language, format and Origin.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "exchange/notices.h"

namespace halfdoor {

enum class NoticeFormat : uint8_t { html, json, text };

// "html", "json", "text"; null for anything else.
std::optional<NoticeFormat> parse_notice_format(std::string_view text);

// What `halfdoor notice` prints: what a client that is refused in this state gets to read. `language` is a language
// tag; one that is not known reads as English.
std::string render_notice(const ServiceConfig& service, const ServiceState& state, std::string_view language,
                          NoticeFormat format);

// The built-in notices. Keeps nothing: one may serve every worker.
class BuiltInNotices : public Notices {
 public:
  // Says `closed` where that is the mode, read-only everywhere else. Reads and throws away the body.
  LocalReply refuse(const RequestContext& context, const RequestHead& request) override;
  // With Retry-After. What could change something learns that nothing was saved.
  LocalReply unreachable(const RequestContext& context, const RequestHead& request, int status) override;
  LocalReply uncertain(const RequestContext& context, const RequestHead& request, int status) override;
  LocalReply plain(Arena& arena, int status, std::string_view what) override;
};

// Adds what lets a script of a valid Origin read the answer; nothing for any other.
void add_cors_fields(const RequestHead& request, FieldList& fields);

}  // namespace halfdoor
