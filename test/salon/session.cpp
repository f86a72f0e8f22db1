// The signed session cookie: NAME.EXPIRY.SIGNATURE.
#include "session.h"

#include <fmt/format.h>

#include <charconv>

#include "signing.h"

namespace salon {

namespace {

constexpr std::string_view cookie_name = "salon_session";
constexpr std::string_view purpose = "session cookie";
constexpr std::int64_t lifetime_s = std::int64_t{12} * 60 * 60;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::string> user_of_value(std::string_view secret, std::string_view value, std::int64_t now_s) {
  const std::size_t signature_at = value.rfind('.');
  if (signature_at == std::string_view::npos) return std::nullopt;
  const std::string_view signed_part = value.substr(0, signature_at);
  if (!is_same_secret(sign(secret, purpose, signed_part), value.substr(signature_at + 1))) return std::nullopt;

  const std::size_t expiry_at = signed_part.rfind('.');
  if (expiry_at == std::string_view::npos) return std::nullopt;
  const std::string_view expiry = signed_part.substr(expiry_at + 1);
  std::int64_t expires_s = 0;
  std::from_chars(expiry.data(), expiry.data() + expiry.size(), expires_s);
  if (expires_s <= now_s) return std::nullopt;
  return std::string(signed_part.substr(0, expiry_at));
}

}  // namespace

std::string session_cookie(std::string_view secret, std::string_view user, std::int64_t now_s, bool is_https) {
  const std::string signed_part = fmt::format("{}.{}", user, now_s + lifetime_s);
  return fmt::format("{}={}.{}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{}", cookie_name, signed_part,
                     sign(secret, purpose, signed_part), lifetime_s, is_https ? "; Secure" : "");
}

std::string ended_session_cookie() {
  return fmt::format("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", cookie_name);
}

std::optional<std::string> user_of_cookies(std::string_view secret, std::string_view cookies, std::int64_t now_s) {
  while (!cookies.empty()) {
    const std::size_t end = cookies.find(';');
    const std::string_view pair = trim(cookies.substr(0, end));
    cookies = end == std::string_view::npos ? std::string_view() : cookies.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != cookie_name) continue;
    if (auto user = user_of_value(secret, pair.substr(equals + 1), now_s)) return user;
  }
  return std::nullopt;
}

}  // namespace salon
