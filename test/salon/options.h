// What a salon host is told at its start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace salon {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  std::string url() const;
};

// "127.0.0.1:8080", "[::1]:8080"
std::optional<Endpoint> parse_listen(std::string_view text);
// "http://127.0.0.1:8080", with or without a slash at its end
std::optional<Endpoint> parse_url(std::string_view text);

struct Options {
  bool is_primary = false;  // which side of halfdoor this host was set up as; never changes
  std::string name;         // shown on every page as "served by host NAME"
  Endpoint listen;
  std::filesystem::path data;
  std::optional<Endpoint> peer;      // none: learned from the requests of the peer
  std::string secret;                // signs cookies and opens /replication to the other host
  std::string halfdoor_url;          // where clients should go; may be empty
  std::filesystem::path log;         // empty: standard output
  std::int64_t peer_wait_ms = 3000;  // how long a restarted source asks its peer before it takes writes
};

// The first line of a file; throws std::runtime_error if there is none.
std::string read_secret_file(const std::filesystem::path& file);

}  // namespace salon
