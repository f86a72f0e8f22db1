// The words of the notices, per language.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace halfdoor {

enum class NoticeKind : uint8_t {
  read_only,          // refused, because it could change something
  closed,             // nobody is served; nothing was saved either
  unreachable_read,   // no host answered; asking again is harmless
  unreachable_write,  // no host answered, and none has got anything of it
  uncertain,          // nobody knows whether a host executed it
};

// UTF-8 without quotes, backslashes and markup, so that every format takes it as it is.
struct NoticeWords {
  std::string_view title;
  std::string_view explanation;  // what is going on
  std::string_view advice;       // what was (not) saved, and what to do
};

struct NoticeText {
  std::string_view language;  // a language tag
  NoticeWords kinds[5];       // by NoticeKind
  std::string_view since;
  std::string_view until;
  std::string_view number;       // of the request, to be mentioned when asking
  std::string_view contact;      // text of the link
  std::string_view waiting;      // the page watches for the end
  std::string_view works_again;  // a refused form may be sent once more
  std::string_view reload;       // a page may be loaded again

  const NoticeWords& words(NoticeKind kind) const { return kinds[static_cast<int>(kind)]; }
};

// English first; the tags in the same order.
std::span<const NoticeText> notice_texts();
std::span<const std::string_view> notice_languages();

}  // namespace halfdoor
