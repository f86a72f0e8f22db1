#include "config/host_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr size_t kLongestName = 253;  // RFC 1035 2.3.4
constexpr size_t kLongestLabel = 63;

bool is_label_char(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }
bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

// What is wrong with a name in lower case; empty: nothing.
std::string_view name_problem(std::string_view name) {
  if (name.empty()) return "the name is missing";
  if (name.size() > kLongestName) return "a name has at most 253 characters";
  if (name.back() == '.') return "leave out the dot at the end";
  const std::vector<std::string_view> labels = split(name, '.');
  for (std::string_view label : labels) {
    if (label.empty()) return "two dots follow each other, or a dot is at the beginning";
    if (label.size() > kLongestLabel) return "between two dots are at most 63 characters";
    for (char c : label) {
      if (static_cast<unsigned char>(c) >= 0x80) return "write the name in its xn-- form";
      if (!is_label_char(c)) return "a name has letters, digits, - and . only";
    }
  }
  return {};
}

// Names whose last label is a number are read as IPv4 addresses by browsers and resolvers.
bool looks_like_ipv4(std::string_view name) { return all_digits(name.substr(name.rfind('.') + 1)); }

bool is_ip(std::string_view text) {
  const std::string with_port = std::string(text) + ":0";
  return Address::parse(with_port).ok();
}

}  // namespace

std::string anchor_path(std::string_view path, std::string_view folder) {
  if (path.starts_with('/') || folder.empty()) return std::string(path);
  return folder == "/" ? fmt::format("/{}", path) : fmt::format("{}/{}", folder, path);
}

Result<std::string> parse_host_pattern(std::string_view text) {
  const std::string lower = to_lower(text);
  std::string_view name = lower;
  if (name.empty()) return Error{"the name is missing"};
  if (name == "*") return Error{"leave hosts out for a service that gets every other host"};
  if (name.find("://") != std::string_view::npos) return Error{"write the name alone, without http:// or https://"};
  if (name.find('/') != std::string_view::npos) return Error{"write the name alone, without a path"};
  if (name.front() == '[') {
    if (name.back() != ']' || name.find(':') == std::string_view::npos || !is_ip(name)) {
      return Error{"write an IPv6 address as [::1], without a port"};
    }
    return lower;
  }
  const size_t colon = name.find(':');
  if (colon != std::string_view::npos) {
    if (name.find(':', colon + 1) != std::string_view::npos)
      return Error{"write an IPv6 address in brackets, as [::1]"};
    return Error{fmt::format("leave the port out, write \"{}\"", name.substr(0, colon))};
  }
  if (name.back() == '.')
    return Error{fmt::format("leave out the dot at the end, write \"{}\"", name.substr(0, name.size() - 1))};
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.find('*') != std::string_view::npos)
    return Error{"a * may only be the first label, as in \"*.salon.example\""};
  if (const std::string_view problem = name_problem(name); !problem.empty()) return Error{std::string(problem)};
  if (looks_like_ipv4(name) && !is_ip(lower)) return Error{"that is not an IPv4 address"};
  return lower;
}

Result<ServerConfig> parse_server(std::string_view text, std::string_view folder) {
  ServerConfig server{std::string(text), std::nullopt};
  if (text.starts_with("unix:")) {
    Result<Address> address = parse_listen_address(text, folder);
    if (!address) return address.error();
    server.address = *address;
    return server;
  }
  if (text.find("://") != std::string_view::npos) return Error{"write host:port alone, without http:// and path"};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Error{fmt::format("the port is missing, write \"{}:80\"", text)};
  const std::optional<uint64_t> port = parse_unsigned(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535) return Error{"write a port from 1 to 65535 behind the last colon"};
  if (Result<Address> address = Address::parse(text)) {
    server.address = *address;
    return server;
  }
  std::string name = to_lower(text.substr(0, colon));
  if (name.find(':') != std::string::npos || name.find('[') != std::string::npos) {
    return Error{"write an IPv6 address in brackets and a port, as in \"[fd00::10]:8080\""};
  }
  // An absolute name of the DNS is fine here: it tells the resolver not to try search domains.
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  if (const std::string_view problem = name_problem(name); !problem.empty()) return Error{std::string(problem)};
  if (looks_like_ipv4(name)) return Error{"that is not an IPv4 address; it has four numbers from 0 to 255"};
  return server;
}

std::optional<Address> parse_name_server(std::string_view text) {
  const bool is_bare_ipv6 = text.find(':') != text.rfind(':') && !text.starts_with('[');
  const bool has_port = !is_bare_ipv6 && text.find(':') != std::string_view::npos && !text.ends_with(']');
  const std::string host = is_bare_ipv6 ? fmt::format("[{}]", text) : std::string(text);
  const Result<Address> address = Address::parse(has_port ? host : host + ":53");
  if (!address || address->is_unix() || address->port() == 0) return std::nullopt;
  return *address;
}

std::string server_identity(const ServerConfig& server) {
  if (server.address) return server.address->text();
  std::string lower = to_lower(server.name);
  const size_t colon = lower.rfind(':');
  if (colon != std::string::npos && colon > 0 && lower[colon - 1] == '.') lower.erase(colon - 1, 1);
  return lower;
}

Result<Address> parse_listen_address(std::string_view text, std::string_view folder) {
  if (text.starts_with("unix:") && text.size() > 5)
    return Address::parse("unix:" + anchor_path(text.substr(5), folder));
  return Address::parse(text);
}

}  // namespace halfdoor
