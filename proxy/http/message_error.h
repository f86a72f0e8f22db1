// What is wrong with a message: the status to answer with, and words for the log.
#pragma once

#include <string_view>

namespace halfdoor {

struct MessageError {
  int status = 0;         // 400, 408, 414, 431, 501, 505 … for requests; 502 for responses
  std::string_view what;  // a literal: "Content-Length and Transfer-Encoding together"
};

}  // namespace halfdoor
