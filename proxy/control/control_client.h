// ControlClient: the command line's end of the control socket, by libcurl.
#pragma once

#include <string>

#include "base/result.h"
#include "base/text.h"

namespace halfdoor {

struct ControlReply {
  int status = 0;
  std::string body;
};

// One connection per request; blocks.
class ControlClient {
 public:
  explicit ControlClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // An error: nobody answered, or permission was denied (saying which user, group and mode it takes).
  Result<ControlReply> get(const std::string& target) const;
  // `patience`: how long the answer may take.
  Result<ControlReply> post(const std::string& target, const std::string& json, Milliseconds patience) const;

 private:
  Result<ControlReply> ask(const std::string& target, const std::string* json, Milliseconds patience) const;

  std::string socket_path_;
};

}  // namespace halfdoor
