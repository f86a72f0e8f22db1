// Addresses and secrets as they are given on the command line.
#include "options.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <stdexcept>

namespace salon {

std::string Endpoint::url() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("http://[{}]:{}", host, port) : fmt::format("http://{}:{}", host, port);
}

std::optional<Endpoint> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  if (!is_bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return std::nullopt;
  return Endpoint{std::string(host), port};
}

std::optional<Endpoint> parse_url(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (!text.starts_with(scheme)) return std::nullopt;
  text.remove_prefix(scheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  auto endpoint = parse_listen(text);
  if (!endpoint || endpoint->port == 0 || endpoint->host.find('/') != std::string::npos) return std::nullopt;
  return endpoint;
}

std::string read_secret_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string secret;
  if (!std::getline(stream, secret) || secret.empty()) {
    throw std::runtime_error(fmt::format("{}: cannot read a secret from its first line", file.string()));
  }
  return secret;
}

}  // namespace salon
