// HTML that is safe by construction of its parts: every text goes through escape().
#pragma once

#include <string>
#include <string_view>

namespace salon::html {

std::string escape(std::string_view text);

// What surrounds every page.
struct Frame {
  std::string host;
  bool takes_writes = false;
  std::string halfdoor_url;  // may be empty
  std::string user;          // empty: nobody is logged in
};

// `body` is HTML already; the title is not.
std::string page(const Frame& frame, std::string_view title, std::string_view body);

// A message with a link, as the whole body of an error page.
std::string message_box(std::string_view message, std::string_view link, std::string_view link_text);

}  // namespace salon::html
