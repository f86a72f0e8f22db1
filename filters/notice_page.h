// A notice as a page, as problem details (RFC 9457), as text. Pure: words and facts in, a body out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "config/mode.h"
#include "filters/notice.h"
#include "filters/notice_text.h"

namespace halfdoor {

struct NoticeFacts {
  const NoticeText* text = nullptr;
  std::string_view service;
  std::string_view request_id;  // of uncertain writes
  std::string_view contact;     // a URL; empty: none
  WallTime since{};
  std::optional<WallTime> until;
  int64_t retry_after_s = 0;  // 0: not said
  int status = 503;
  NoticeKind kind = NoticeKind::read_only;
  Mode mode = Mode::primary;
  bool shows_until = true;  // to people: not once it has passed
  bool is_form = true;      // something was sent, which can be sent once more
};

std::string render(const NoticeFacts& facts, NoticeFormat format);
std::string_view content_type_of(NoticeFormat format);

}  // namespace halfdoor
