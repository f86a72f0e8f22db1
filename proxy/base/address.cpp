#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <cstring>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// The 128-bit form; IPv4 as IPv4-mapped (RFC 4291 2.5.5.2). False for Unix sockets.
bool to_bytes(const Address& address, uint8_t (&bytes)[16]) {
  if (address.family() == AF_INET6) {
    std::memcpy(bytes, &reinterpret_cast<const sockaddr_in6*>(address.socket_address())->sin6_addr, 16);
    return true;
  }
  if (address.family() == AF_INET) {
    std::memcpy(bytes, kMappedPrefix, 12);
    std::memcpy(bytes + 12, &reinterpret_cast<const sockaddr_in*>(address.socket_address())->sin_addr, 4);
    return true;
  }
  return false;
}

std::optional<Address> from_numeric(const std::string& host, uint16_t port) {
  // inet_pton would read only what stands before it.
  if (host.find('\0') != std::string::npos) return std::nullopt;
  sockaddr_in v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return Address::from_socket(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return Address::from_socket(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
  }
  return std::nullopt;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    const std::string_view path = text.substr(5);
    sockaddr_un address{};
    if (path.empty() || path.front() != '/')
      return Error{fmt::format("\"{}\" needs an absolute path behind unix:", text)};
    if (path.find('\0') != std::string_view::npos) return Error{fmt::format("\"{}\" has a NUL in its path", text)};
    if (path.size() >= sizeof(address.sun_path)) {
      return Error{
          fmt::format("\"{}\" is too long for a Unix socket, at most {} bytes", text, sizeof(address.sun_path) - 1)};
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return from_socket(reinterpret_cast<const sockaddr*>(&address),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1));
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Error{fmt::format("\"{}\" has no port, write address:port", text)};
  const std::optional<uint64_t> port = parse_unsigned(text.substr(colon + 1));
  if (!port || *port > 65535)
    return Error{fmt::format("\"{}\" needs a port from 0 to 65535 behind the last colon", text)};
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return Error{fmt::format("\"{}\": write an IPv6 address in brackets, as in [::1]:80", text)};
  }
  if (std::optional<Address> address = from_numeric(std::string(host), static_cast<uint16_t>(*port))) return *address;
  return Error{fmt::format("\"{}\" is not an IP address and port, as in 10.0.0.10:8080 or [::1]:80", text)};
}

Address Address::from_socket(const struct sockaddr* address, socklen_t length) {
  Address made;
  HALFDOOR_CHECK(length <= sizeof(made.storage_));
  std::memcpy(&made.storage_, address, length);
  made.length_ = length;
  return made;
}

uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return 0;
}

void Address::set_port(uint16_t port) {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage_)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage_)->sin6_port = htons(port);
}

std::string Address::host_text() const {
  char buffer[INET6_ADDRSTRLEN];
  uint8_t bytes[16];
  if (!to_bytes(*this, bytes)) return "unix:";
  // A client of a dual-stack listener reads as what it is: IPv4.
  if (std::memcmp(bytes, kMappedPrefix, 12) == 0) return inet_ntop(AF_INET, bytes + 12, buffer, sizeof(buffer));
  return inet_ntop(AF_INET6, bytes, buffer, sizeof(buffer));
}

std::string Address::text() const {
  if (is_unix()) {
    const auto* path = reinterpret_cast<const sockaddr_un*>(&storage_)->sun_path;
    const size_t bytes = length_ - std::min<size_t>(length_, offsetof(sockaddr_un, sun_path));
    return "unix:" + std::string(path, strnlen(path, bytes));
  }
  const std::string host = host_text();
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port())
                                             : fmt::format("[{}]:{}", host, port());
}

bool Address::operator==(const Address& other) const {
  if (is_unix() || other.is_unix()) return family() == other.family() && text() == other.text();
  uint8_t a[16], b[16];
  return to_bytes(*this, a) && to_bytes(other, b) && port() == other.port() && std::memcmp(a, b, 16) == 0;
}

Result<Network> Network::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<Address> address = from_numeric(std::string(text.substr(0, slash)), 0);
  Network network;
  if (!address || !to_bytes(*address, network.bytes_)) {
    return Error{fmt::format("\"{}\" is not an address or CIDR block, as in 10.0.0.0/8", text)};
  }
  const unsigned width = address->family() == AF_INET ? 32 : 128;
  std::optional<uint64_t> prefix = width;
  if (slash != std::string_view::npos) prefix = parse_unsigned(text.substr(slash + 1));
  if (!prefix || *prefix > width) {
    return Error{fmt::format("\"{}\" needs a prefix length from 0 to {} behind the slash", text, width)};
  }
  network.prefix_bits_ = static_cast<unsigned>(*prefix) + (128 - width);
  return network;
}

bool Network::contains(const Address& address) const {
  uint8_t bytes[16];
  if (!to_bytes(address, bytes)) return false;
  const unsigned whole = prefix_bits_ / 8, rest = prefix_bits_ % 8;
  if (std::memcmp(bytes, bytes_, whole) != 0) return false;
  return rest == 0 || ((bytes[whole] ^ bytes_[whole]) >> (8 - rest)) == 0;
}

}  // namespace halfdoor
