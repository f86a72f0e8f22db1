// Config: the TOML file as plain structs. Made once, immutable afterwards, shared by every thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/log.h"
#include "base/text.h"
#include "config/limits.h"
#include "config/mode.h"
#include "config/rule.h"

namespace halfdoor {

struct ListenConfig {
  Address address;                       // port 0: any free one, the same for every worker
  std::vector<Network> trusted_proxies;  // who may send X-Forwarded-* and X-Request-Id
};

struct ServerConfig {
  std::string name;                // as written: "10.0.0.10:8080", "app.internal:80", "unix:/run/app.sock"
  std::optional<Address> address;  // null until a host name has been resolved
};

struct SideConfig {
  std::vector<ServerConfig> servers;  // never empty
};

struct HealthConfig {
  std::string path = "/healthz";
  Milliseconds interval{1'000};
  Milliseconds timeout{500};
  int fall = 3;
  int rise = 2;
  std::vector<int> expect{200};
  std::string expect_text;  // in the first 64 KiB of the body; empty: any
  uint16_t port = 0;        // where checks go; 0: the server's own
  Milliseconds slow_start{10'000};

  bool operator==(const HealthConfig&) const = default;
};

struct FailoverConfig {
  bool automatic = false;
  Milliseconds after{3'000};
  Milliseconds cooldown{600'000};
  Milliseconds remind_after{600'000};  // of an automatic change that no operator has acknowledged
  bool read_fallback = true;
  Milliseconds read_fallback_after{2'000};
  Milliseconds drain{10'000};

  bool operator==(const FailoverConfig&) const = default;
};

struct FailbackConfig {
  bool automatic = false;
  Milliseconds healthy_for{30'000};
  Milliseconds minimum_stay{60'000};
  std::string caught_up;  // path on the primary; empty: none

  bool operator==(const FailbackConfig&) const = default;
};

struct ReadOnlyConfig {
  std::vector<Rule> allow;
  std::vector<Rule> deny;
  std::vector<std::string> graphql;  // paths
  std::vector<std::string> override_names;
  bool websocket = false;
  int status = 503;
  Milliseconds retry_after{120'000};
  std::string notice_dir;  // empty: built in
  bool banner = true;
  std::string contact;  // a URL; empty: none

  bool operator==(const ReadOnlyConfig&) const = default;
};

struct ServiceConfig {
  std::string name;                // [a-z0-9][a-z0-9_-]*, at most 64: it is also a file name
  std::vector<std::string> hosts;  // lower case, no port, no trailing dot; "*.x" allowed; empty: catches the rest
  SideConfig sides[2];             // by index_of(Side)
  HealthConfig health;
  FailoverConfig failover;
  FailbackConfig failback;
  ReadOnlyConfig read_only;

  const SideConfig& side(Side which) const { return sides[index_of(which)]; }
};

struct Config {
  std::string file;  // where it came from
  // [server]
  int workers = 0;  // as written: 0 to 1024; worker_count() for the number to start
  std::string state_dir = "/var/lib/halfdoor";
  Milliseconds drain{10'000};
  Mode fresh_mode = Mode::primary;
  Milliseconds worker_stall{5'000};
  // [log]
  LogLevel log_level = LogLevel::info;
  std::string access_log = "/var/log/halfdoor/access.log";  // or "stdout", "off"
  bool access_log_json = true;
  // [control]
  std::string control_socket = "/run/halfdoor/control.sock";
  std::string control_group;  // empty: the daemon's own
  // [admin]
  std::optional<Address> admin_address;
  std::string admin_token_file;
  // [resolver]
  std::vector<Address> resolver_servers;  // name servers to ask; empty: the system's

  Limits limits;
  Timeouts timeouts;
  std::vector<ListenConfig> listeners;  // never empty
  std::vector<ServiceConfig> services;  // never empty

  // As written, or one per CPU that this process may use; at least one.
  int worker_count() const;
  const ServiceConfig* find_service(std::string_view name) const;
};

// What load_config found. Each problem and warning is "FILE:LINE: what is wrong and what to write".
struct LoadedConfig {
  std::shared_ptr<Config> config;  // null if there was any problem
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
};

// Reads and checks a file: the first syntax error, or else everything that is wrong. Touches nothing but the file.
LoadedConfig load_config(const std::string& path);
// The same for text that is at hand; `path` names it in messages and anchors relative paths.
LoadedConfig parse_config(const std::string& text, const std::string& path);
// Every key that a file may contain, as "service.failover.drain", tables included.
std::vector<std::string> known_config_keys();

}  // namespace halfdoor
