#include "config/read_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/host_name.h"

namespace halfdoor {

namespace {

using namespace std::chrono_literals;
constexpr Milliseconds kYear = 8760h;
constexpr size_t kLongestServiceName = 64;
constexpr size_t kLongestOverrideName = 64;
constexpr size_t kLongestExpectedText = 1024;

bool is_service_name(std::string_view name) {
  const auto is_first = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); };
  return !name.empty() && name.size() <= kLongestServiceName && is_first(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_first(c) || c == '-' || c == '_'; });
}

// A target that halfdoor itself sends, or compares with: origin-form, printable.
bool is_target(std::string_view text) {
  return text.starts_with('/') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

void read_target(TableReader& table, std::string_view key, std::string& into) {
  std::string text;
  const Place place = table.text(key, text);
  if (!place) return;
  if (!is_target(text)) {
    place.problem(
        fmt::format("is \"{}\"; write a path that begins with / and has no blanks, as in \"/healthz\"", text));
    return;
  }
  into = text;
}

bool has_unix_server(const ServiceConfig& service) {
  return std::any_of(std::begin(service.sides), std::end(service.sides), [](const SideConfig& side) {
    return std::any_of(side.servers.begin(), side.servers.end(),
                       [](const ServerConfig& server) { return server.name.starts_with("unix:"); });
  });
}

// After the servers.
void read_health(TableReader table, ServiceConfig& service) {
  HealthConfig& health = service.health;
  read_target(table, "path", health.path);
  table.duration("interval", 10ms, 1h, health.interval);
  table.duration("timeout", 1ms, 1h, health.timeout);
  table.number("fall", 1, 100, health.fall);
  table.number("rise", 1, 100, health.rise);
  table.numbers("expect", 200, 599, health.expect);
  const Place text = table.text("expect_text", health.expect_text);
  if (text && health.expect_text.size() > kLongestExpectedText) {
    text.problem(fmt::format("is longer than {} bytes; write a part of it", kLongestExpectedText));
  }
  table.duration("slow_start", 0ms, 1h, health.slow_start);
  const Place port = table.number<uint16_t>("port", 0, 65535, health.port);
  if (port && health.port != 0 && has_unix_server(service)) {
    port.warning("has no effect on servers that are unix sockets: those are checked where they are");
  }
}

void read_failover(TableReader table, FailoverConfig& failover) {
  table.flag("automatic", failover.automatic);
  table.duration("after", 0ms, 24h, failover.after);
  table.duration("cooldown", 0ms, kYear, failover.cooldown);
  table.duration("remind_after", 10ms, kYear, failover.remind_after);
  table.flag("read_fallback", failover.read_fallback);
  table.duration("read_fallback_after", 1ms, 1h, failover.read_fallback_after);
  table.duration("drain", 0ms, 24h, failover.drain);
}

void read_failback(TableReader table, const FailoverConfig& failover, FailbackConfig& failback) {
  if (const Place automatic = table.flag("automatic", failback.automatic); failback.automatic) {
    if (!failover.automatic) {
      automatic.warning("has no effect without failover.automatic: it undoes only an automatic failover");
    } else if (failover.cooldown <= failback.healthy_for) {
      automatic.warning(
          "with such a short failover.cooldown lets a host that comes and goes move everybody to and fro");
    }
  }
  table.duration("healthy_for", 0ms, 24h, failback.healthy_for);
  table.duration("minimum_stay", 0ms, kYear, failback.minimum_stay);
  read_target(table, "caught_up", failback.caught_up);
}

void read_rules(TableReader& table, std::string_view key, std::vector<Rule>& into,
                const std::function<void(const Rule&, const Place&)>& judge) {
  table.texts(key, ListLimits::rules, [&](const std::string& text, const Place& place) {
    Result<Rule> rule = Rule::parse(text);
    if (!rule) return place.problem(rule.error().message);
    judge(*rule, place);
    into.push_back(std::move(*rule));
  });
}

void judge_allow_rule(const Rule& rule, const Place& place) {
  if (rule.method == "GET" || rule.method == "HEAD" || rule.method == "OPTIONS") {
    place.warning(fmt::format("\"{}\" changes nothing: {} passes anyway; leave it out", rule.text, rule.method));
  }
  if (rule.method == "CONNECT" || rule.method == "TRACE") {
    place.warning(
        fmt::format("\"{}\" changes nothing: {} is refused in every mode; leave it out", rule.text, rule.method));
  }
  if (std::any_of(rule.text.begin(), rule.text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    place.problem(
        fmt::format("\"{}\" can never match: browsers send such a path escaped, and allow rules match only "
                    "paths without escapes; write * in place of that segment",
                    rule.text));
  }
  if (std::any_of(rule.segments.begin(), rule.segments.end(), [](const auto& s) { return s.ends_with('.'); })) {
    place.problem(
        fmt::format("\"{}\" can never match: some hosts drop a dot at the end of a segment, so no such path is "
                    "let through; write * in place of that segment",
                    rule.text));
  }
}

// What an `allow` rule without "*" and parameter could match: nothing else would ever pass.
bool is_graphql_path(const std::string& path) {
  if (!is_target(path) || path.find_first_of("?*") != std::string::npos) return false;
  const Result<Rule> rule = Rule::parse("POST " + path);
  return rule && std::none_of(rule->segments.begin(), rule->segments.end(),
                              [](const std::string& segment) { return segment.ends_with('.'); });
}

bool is_override_name(std::string_view name) {
  return name.size() <= kLongestOverrideName && std::all_of(name.begin(), name.end(), [](char c) {
           return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                  std::string_view("-_.[]").find(c) != std::string_view::npos;
         });
}

bool is_contact(std::string_view url) {
  const bool has_scheme = url.starts_with("https://") || url.starts_with("http://") || url.starts_with("mailto:") ||
                          url.starts_with("tel:");
  return has_scheme && std::none_of(url.begin(), url.end(), [](char c) {
           return c <= 0x20 || c == 0x7f || std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos;
         });
}

void read_status(TableReader& table, int& status) {
  const Place place = table.number("status", 400, 599, status);
  if (place && status == 405) {
    place.problem("must not be 405: that says that the method is never allowed here; write 503");
  }
}

}  // namespace

void ServiceReader::read_name(TableReader& table, ServiceConfig& service) {
  const Place place = table.text("name", service.name);
  place.required("name = \"salon\"");
  if (!place) return;
  if (!is_service_name(service.name)) {
    place.problem(fmt::format("is \"{}\"; write at most {} characters of a-z, 0-9, - and _, a letter or digit first",
                              service.name, kLongestServiceName));
    return;
  }
  const auto [first, is_new] = names_.emplace(service.name, place.line());
  if (!is_new) {
    place.problem(
        fmt::format("\"{}\" is taken by the service in line {}; write another name", service.name, first->second));
  }
}

void ServiceReader::read_hosts(TableReader& table, ServiceConfig& service) {
  bool has_entries = false;
  const Place place = table.texts("hosts", ListLimits::hosts, [&](const std::string& text, const Place& at) {
    has_entries = true;
    Result<std::string> host = parse_host_pattern(text);
    if (!host) return at.problem(fmt::format("has \"{}\": {}", text, host.error().message));
    const auto [first, is_new] = hosts_.emplace(*host, at.line());
    if (!is_new) {
      return at.problem(
          fmt::format("has \"{}\", which line {} has already; leave one of them out", text, first->second));
    }
    service.hosts.push_back(std::move(*host));
  });
  if (place && !has_entries) {
    place.problem("is empty; write at least one name, or leave hosts out for the service that gets every other host");
  }
  if (!place.is_absent()) return;
  if (line_without_hosts_ != 0) {
    table.place().problem(
        fmt::format("has no hosts, and neither has the one in line {}; only one service may get every "
                    "other host: write hosts = [\"www.salon.example\"]",
                    line_without_hosts_));
  } else {
    line_without_hosts_ = table.line();
  }
}

void ServiceReader::read_server(const std::string& text, const Place& at, Side side, SideConfig& into) {
  Result<ServerConfig> server = parse_server(text, folder_);
  if (!server) return at.problem(fmt::format("has \"{}\": {}", text, server.error().message));
  const auto [first, is_new] = servers_.emplace(server_identity(*server), Seen{side, at.line()});
  if (!is_new && first->second.side == side) {
    return at.problem(fmt::format("has \"{}\" twice (line {}); leave one of them out", text, first->second.line));
  }
  if (!is_new) {
    return at.problem(
        fmt::format("has \"{}\", which is also a server of the {} (line {}); a switch would not leave it: "
                    "write another address",
                    text, to_text(first->second.side), first->second.line));
  }
  for (const BoundAddress& bound : bound_) {
    if (server->address && *server->address == bound.address) {
      return at.problem(fmt::format(
          "has \"{}\", where halfdoor itself listens (line {}); write the address of the host", text, bound.line));
    }
  }
  into.servers.push_back(std::move(*server));
}

void ServiceReader::read_side(TableReader& table, Side side, ServiceConfig& service) {
  TableReader side_table = table.table(to_text(side));
  bool has_entries = false;
  const Place place = side_table.texts("servers", ListLimits::servers, [&](const std::string& text, const Place& at) {
    has_entries = true;
    read_server(text, at, side, service.sides[index_of(side)]);
  });
  place.required(fmt::format("{}.servers = [\"10.0.0.10:8080\"]", to_text(side)));
  if (place && !has_entries) place.problem("is empty; write at least one server, as in [\"10.0.0.10:8080\"]");
  side_table.anything("tls").not_in_this_version("leave it out and give a port of the server that speaks plain HTTP");
}

void ServiceReader::read_read_only(TableReader table, ReadOnlyConfig& rules) const {
  read_rules(table, "allow", rules.allow, judge_allow_rule);
  read_rules(table, "deny", rules.deny, [&](const Rule& rule, const Place& place) {
    const bool is_allowed = std::any_of(rules.allow.begin(), rules.allow.end(),
                                        [&](const Rule& allowed) { return allowed.text == rule.text; });
    if (is_allowed) place.warning(fmt::format("\"{}\" is also in allow; deny beats allow: leave one out", rule.text));
  });
  table.texts("graphql", ListLimits::names, [&](const std::string& path, const Place& place) {
    if (!is_graphql_path(path)) {
      return place.problem(
          fmt::format("has \"{}\"; write one path as clients send it, without *, escapes or parameters, as in "
                      "\"/graphql\"",
                      path));
    }
    rules.graphql.push_back(path);
  });
  table.texts("override_names", ListLimits::names, [&](const std::string& name, const Place& place) {
    if (!is_override_name(name)) {
      return place.problem(fmt::format("has \"{}\"; write the name of a field or parameter alone", name));
    }
    rules.override_names.push_back(name);
  });
  table.flag("websocket", rules.websocket);
  read_status(table, rules.status);
  table.duration("retry_after", 1s, kYear, rules.retry_after);
  if (const Place place = table.text("notice_dir", rules.notice_dir)) {
    rules.notice_dir = anchor_path(rules.notice_dir, folder_);
    place.no_effect_yet();
  }
  table.flag("banner", rules.banner).no_effect_yet();
  if (const Place contact = table.text("contact", rules.contact); contact && !is_contact(rules.contact)) {
    contact.problem(
        fmt::format("is \"{}\"; write a URL that begins with https://, http://, mailto: or tel:", rules.contact));
  }
}

void ServiceReader::read(TableReader& table) {
  ServiceConfig service;
  servers_.clear();
  read_name(table, service);
  read_hosts(table, service);
  for (Side side : kSides) read_side(table, side, service);
  read_health(table.table("health"), service);
  read_failover(table.table("failover"), service.failover);
  read_failback(table.table("failback"), service.failover, service.failback);
  read_read_only(table.table("read_only"), service.read_only);
  services_.push_back(std::move(service));
}

}  // namespace halfdoor
