// Address: where to listen or connect: an IPv4 or IPv6 socket address, or the path of a Unix socket.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace halfdoor {

// A plain value; copies freely. Names are not resolved here.
class Address {
 public:
  Address() = default;

  // "10.0.0.10:8080", "[::1]:80", "unix:/run/x.sock". A host name or a missing port is an error that says so.
  static Result<Address> parse(std::string_view text);
  static Address from_socket(const struct sockaddr* address, socklen_t length);

  const struct sockaddr* socket_address() const { return reinterpret_cast<const struct sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }
  int family() const { return storage_.ss_family; }
  bool is_unix() const { return family() == AF_UNIX; }
  uint16_t port() const;  // 0 for Unix sockets
  void set_port(uint16_t port);

  // As parse() takes it.
  std::string text() const;
  // The address without port: "10.0.0.10", "::1", "unix:".
  std::string host_text() const;

  bool operator==(const Address& other) const;

 private:
  struct sockaddr_storage storage_ {};
  socklen_t length_ = 0;
};

// A block of addresses, "10.0.0.0/8", "::1", "2001:db8::/32". IPv4-mapped IPv6 addresses count as IPv4.
class Network {
 public:
  static Result<Network> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  uint8_t bytes_[16] = {};
  unsigned prefix_bits_ = 0;  // of the 128-bit form
};

}  // namespace halfdoor
