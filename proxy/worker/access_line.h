// AccessLine: one exchange as a line of the access log, in JSON or in Apache's combined format.
//
// README.md explains each field. Nothing in a request can forge a line or a field: what is not plain text is escaped.
// JSON: quotes, backslashes and control characters, those of Unicode (U+0080 to U+009F, U+2028, U+2029) too; other
// valid UTF-8 passes; any other byte is taken as a character of Latin-1, as in \u00e9. Combined: \" \\ and \xHH for
// every byte outside 0x20-0x7E.
#pragma once

#include <cstddef>
#include <cstdint>

#include "exchange/access_log.h"

namespace halfdoor {

enum class AccessFormat : uint8_t { json, combined };

// Belongs to one thread: it remembers the text of the present second. Never allocates.
class AccessLine {
 public:
  // Whatever an exchange holds; text that would not fit is cut and ends with "...".
  static constexpr size_t kLongestBytes = 24 << 10;

  explicit AccessLine(AccessFormat format) : format_(format) {}

  // Writes the line with its "\n" to `at`, where kLongestBytes are free; returns its end.
  char* write(char* at, const AccessRecord& record);

 private:
  char* write_json(char* at, const AccessRecord& record);
  char* write_combined(char* at, const AccessRecord& record);
  void make_second(int64_t unix_seconds);

  static constexpr size_t kJsonSecondBytes = 20;      // "2026-11-22T19:48:35."
  static constexpr size_t kCombinedSecondBytes = 28;  // "[22/Nov/2026:19:48:35 +0000]"

  const AccessFormat format_;
  int64_t second_ = -1;
  char second_text_[kCombinedSecondBytes] = {};
};

}  // namespace halfdoor
