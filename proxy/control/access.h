// Who may use the control API over TCP: protects it from other programs of the machine and from pages in the operator's
// own browser (DNS rebinding, cross-site requests). Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace halfdoor {

struct AccessRequest {
  std::string method;
  std::string host;
  std::string authorization;
  std::string content_type;
};

struct AccessDecision {
  int status = 200;
  std::string why;  // for the problem, when refused
};

// `token`: the content of admin.token_file; empty: there is none, and no change is allowed. Reading needs no token if
// it names the machine by an address, "localhost" or its own name, which no foreign page can make a browser do.
AccessDecision judge_tcp_access(const AccessRequest& request, const std::string& token);

// Takes the same time wherever they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// The first line of the file, at least 16 characters.
Result<std::string> read_token(const std::string& path);

}  // namespace halfdoor
