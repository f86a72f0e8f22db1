#include "config/config.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "config/host_name.h"
#include "config/read_service.h"
#include "config/toml_reader.h"
#include "config/toml_tree.h"

namespace halfdoor {

namespace {

using namespace std::chrono_literals;
constexpr int kMostWorkers = 1024;
constexpr size_t kLargestFileBytes = 4 << 20;  // a configuration of 10,000 services is 2 MiB
constexpr uint64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;

struct Limit {
  std::string_view key;
  uint64_t Limits::*member;
  uint64_t least;
  uint64_t most;
};
constexpr Limit kSizes[] = {
    {"request_line", &Limits::request_line, 128, kMiB},
    {"request_head", &Limits::request_head, 512, kMiB},
    {"response_head", &Limits::response_head, 512, kMiB},
    {"chunk_line", &Limits::chunk_line, 32, 64 * kKiB},
    {"chunk_extensions", &Limits::chunk_extensions, 0, kMiB},
    {"buffer", &Limits::buffer, 4 * kKiB, 16 * kMiB},
    {"refused_body", &Limits::refused_body, 0, kGiB},
    {"inspect_body", &Limits::inspect_body, 0, 16 * kMiB},
    {"memory", &Limits::memory, 0, 1024 * kGiB},
};
constexpr Limit kCounts[] = {
    {"request_fields", &Limits::request_fields, 8, 10'000},
    {"response_fields", &Limits::response_fields, 8, 10'000},
    {"interim_responses", &Limits::interim_responses, 0, 1'000},
    {"requests_per_connection", &Limits::requests_per_connection, 1, 1'000'000'000},
    {"connections", &Limits::connections, 0, 10'000'000},
    {"connections_per_client", &Limits::connections_per_client, 0, 10'000'000},
    {"writes_in_flight", &Limits::writes_in_flight, 1, 65'536},
};

struct Timeout {
  std::string_view key;
  Milliseconds Timeouts::*member;
  Milliseconds least;
};
constexpr Timeout kTimeouts[] = {
    {"request_head", &Timeouts::request_head, 1ms},
    {"request_body", &Timeouts::request_body, 1ms},
    {"refused_body", &Timeouts::refused_body, 1ms},
    {"keep_alive", &Timeouts::keep_alive, 1ms},
    {"client_write", &Timeouts::client_write, 1ms},
    {"connect", &Timeouts::connect, 1ms},
    {"first_byte", &Timeouts::first_byte, 1ms},
    {"response_body", &Timeouts::response_body, 1ms},
    {"event_stream", &Timeouts::event_stream, 1ms},
    {"pool_idle", &Timeouts::pool_idle, 0ms},
    {"pool_fresh", &Timeouts::pool_fresh, 0ms},
    {"tunnel_idle", &Timeouts::tunnel_idle, 1ms},
    {"linger", &Timeouts::linger, 0ms},
};
constexpr Milliseconds kLongestTimeout = 168h;

void read_limits(TableReader table, Limits& limits) {
  bool is_right = true;
  for (const Limit& limit : kSizes) {
    is_right &= !table.size(limit.key, limit.least, limit.most, limits.*limit.member).is_wrong();
  }
  for (const Limit& limit : kCounts) table.number(limit.key, limit.least, limit.most, limits.*limit.member);
  if (is_right && limits.request_line > limits.request_head) {
    const Place line = table.anything("request_line"), head = table.anything("request_head");
    (line ? line : head)
        .problem(fmt::format("does not fit: a request line ({}) is part of the request head ({}); write request_head "
                             "at least as large as request_line",
                             format_size(limits.request_line), format_size(limits.request_head)));
  }
}

void read_timeouts(TableReader table, Timeouts& timeouts) {
  for (const Timeout& timeout : kTimeouts) {
    table.duration(timeout.key, timeout.least, kLongestTimeout, timeouts.*timeout.member);
  }
}

class Reader {
 public:
  Reader(Config& config, Findings& findings) : config_(config), findings_(findings) {
    std::error_code ignored;
    folder_ = std::filesystem::absolute(config.file, ignored).parent_path().string();
  }

  void read(const TomlNode& document) {
    {
      TableReader root(&document, "", 1, findings_);
      read_server(root.table("server"));
      read_log(root.table("log"));
      read_control(root.table("control"));
      read_admin(root.table("admin"));
      read_resolver(root.table("resolver"));
      read_limits(root.table("limits"), config_.limits);
      read_timeouts(root.table("timeouts"), config_.timeouts);
      if (root.tables("listen", ListLimits::listeners, [this](TableReader& table) { read_listen(table); }) == 0) {
        findings_.problem(1, "no [[listen]] table; write one, with address = \"0.0.0.0:80\"");
      }
      ServiceReader services(folder_, bound_);
      if (root.tables("service", ListLimits::services, [&](TableReader& table) { services.read(table); }) == 0) {
        findings_.problem(1, "no [[service]] table; write one, with name, primary.servers and backup.servers");
      }
      config_.services = services.take();
    }
    findings_.judge_unknown();
  }

 private:
  Place read_path(TableReader& table, std::string_view key, std::string& into) {
    Place place = table.text(key, into);
    if (place) into = anchor_path(into, folder_);
    return place;
  }

  void read_server(TableReader table) {
    table.number("workers", 0, kMostWorkers, config_.workers);
    read_path(table, "state_dir", config_.state_dir);
    table.duration("drain", 0ms, 24h, config_.drain);
    const Place fresh =
        table.choice("fresh_mode", {"primary", "primary-readonly", "backup-readonly", "backup-writable", "closed"},
                     config_.fresh_mode);
    if (config_.fresh_mode == Mode::backup_writable) {
      fresh.warning(
          "lets a service without a latch write to a backup that nobody promoted; better write "
          "\"backup-readonly\" and run: halfdoor promote");
    }
    table.duration("worker_stall", 100ms, 1h, config_.worker_stall);
  }

  void read_log(TableReader table) {
    table.choice("level", {"debug", "info", "warning", "error"}, config_.log_level);
    const Place access = table.text("access", config_.access_log);
    if (access && config_.access_log != "off" && config_.access_log != "stdout") {
      config_.access_log = anchor_path(config_.access_log, folder_);
    }
    int format = 0;
    table.choice("format", {"json", "combined"}, format);
    config_.access_log_json = format == 0;
  }

  void read_control(TableReader table) {
    const Place socket = read_path(table, "socket", config_.control_socket);
    if (socket) {
      if (Result<Address> address = Address::parse("unix:" + config_.control_socket)) {
        note_address(*address, socket);
      } else {
        socket.problem(address.error().message);
      }
    }
    table.text("group", config_.control_group);
  }

  void read_admin(TableReader table) {
    std::string text;
    const Place place = table.text("address", text);
    if (place) {
      Result<Address> address = Address::parse(text);
      if (!address) {
        place.problem(address.error().message);
      } else if (address->is_unix()) {
        place.problem("must be an IP address and a port, as in \"127.0.0.1:9900\"; the Unix socket is control.socket");
      } else {
        config_.admin_address = *address;
        note_address(*address, place);
      }
    }
    const Place token = read_path(table, "token_file", config_.admin_token_file);
    if (token && place.is_absent()) token.warning("has no effect without admin.address");
  }

  void read_resolver(TableReader table) {
    table.texts("servers", ListLimits::names, [this](const std::string& text, const Place& place) {
      const std::optional<Address> server = parse_name_server(text);
      if (!server) {
        return place.problem(fmt::format(
            "has \"{}\"; write the IP address of a name server, as in \"10.0.0.53\" or \"[fd00::53]:5353\"", text));
      }
      if (std::find(config_.resolver_servers.begin(), config_.resolver_servers.end(), *server) !=
          config_.resolver_servers.end()) {
        return place.problem(fmt::format("has \"{}\" twice; leave one of them out", text));
      }
      config_.resolver_servers.push_back(*server);
    });
  }

  void read_listen(TableReader& table) {
    ListenConfig listen;
    std::string text;
    const Place place = table.text("address", text);
    place.required("address = \"0.0.0.0:80\"");
    if (place) {
      if (Result<Address> address = parse_listen_address(text, folder_)) {
        listen.address = *address;
        note_address(*address, place);
      } else {
        place.problem(address.error().message);
      }
    }
    table.texts("trusted_proxies", ListLimits::trusted_proxies, [&](const std::string& entry, const Place& at) {
      Result<Network> network = Network::parse(entry);
      if (!network) return at.problem(network.error().message);
      listen.trusted_proxies.push_back(*network);
    });
    read_listen_refusals(table);
    config_.listeners.push_back(std::move(listen));
  }

  void read_listen_refusals(TableReader& table) {
    const auto refuse = [&](std::string_view key) {
      bool wanted = false;
      const Place place = table.flag(key, wanted);
      if (wanted) place.not_in_this_version("write false");
    };
    refuse("redirect_to_https");
    refuse("proxy_protocol");
    refuse("http2");
    TableReader tls = table.table("tls");
    for (std::string_view key : {"certificates", "min_version"}) {
      tls.anything(key).not_in_this_version("leave it out and let something in front of halfdoor end TLS");
    }
  }

  // Nothing may be bound twice. Port 0 is another port each time.
  void note_address(const Address& address, const Place& place) {
    if (!address.is_unix() && address.port() == 0) return;
    for (const BoundAddress& bound : bound_) {
      if (bound.address != address) continue;
      return place.problem(fmt::format("\"{}\" is taken by line {}; write another", address.text(), bound.line));
    }
    bound_.push_back({address, place.line()});
  }

  Config& config_;
  Findings& findings_;
  std::string folder_;
  std::vector<BoundAddress> bound_;
};

}  // namespace

int Config::worker_count() const {
  if (workers > 0) return workers;
  int count = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof(usable), &usable) == 0) {
    const int allowed = CPU_COUNT(&usable);
    count = count == 0 ? allowed : std::min(count, allowed);
  }
  return std::clamp(count, 1, kMostWorkers);
}

const ServiceConfig* Config::find_service(std::string_view name) const {
  const auto found = std::find_if(services.begin(), services.end(), [&](const auto& s) { return s.name == name; });
  return found == services.end() ? nullptr : &*found;
}

LoadedConfig parse_config(const std::string& text, const std::string& path) {
  LoadedConfig loaded;
  Findings findings(path);
  const Result<TomlNode, TomlError> document = parse_toml(text);
  if (!document) {
    findings.problem(document.error().line, document.error().message);
    loaded.problems = findings.problems();
    return loaded;
  }
  auto config = std::make_shared<Config>();
  config->file = path;
  Reader(*config, findings).read(*document);
  loaded.problems = findings.problems();
  loaded.warnings = findings.warnings();
  if (loaded.problems.empty()) loaded.config = std::move(config);
  return loaded;
}

LoadedConfig load_config(const std::string& path) {
  const auto unreadable = [&](std::string_view why) {
    return LoadedConfig{nullptr, {fmt::format("{}: {}", path, why)}, {}};
  };
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) return unreadable("is a folder; name the file in it");
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(fmt::format("cannot be read: {}", std::strerror(errno)));
  std::string text(kLargestFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return unreadable(fmt::format("cannot be read: {}", std::strerror(errno)));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFileBytes) return unreadable("is larger than 4 MiB; is it the right file?");
  return parse_config(text, path);
}

std::vector<std::string> known_config_keys() {
  Config config;
  Findings findings("");
  if (const Result<TomlNode, TomlError> document = parse_toml("[[listen]]\n[[service]]\n")) {
    Reader(config, findings).read(*document);
  }
  return findings.known();
}

}  // namespace halfdoor
