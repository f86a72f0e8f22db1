// Who is logged in: a cookie that any host with the secret can check, without storing anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace salon {

// The value of a Set-Cookie header. HttpOnly keeps it from scripts; SameSite=Lax keeps it from forms
// on other sites, which is the whole defence against CSRF here: nothing is changed by GET.
std::string session_cookie(std::string_view secret, std::string_view user, std::int64_t now_s, bool is_https);
std::string ended_session_cookie();

// Reads a Cookie header; empty if there is no session, its signature is wrong, or it has expired.
std::optional<std::string> user_of_cookies(std::string_view secret, std::string_view cookies, std::int64_t now_s);

}  // namespace salon
