#include "control/mode_body.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace halfdoor {

namespace {

using nlohmann::json;

constexpr int64_t kLongestWaitMs = 24LL * 3600 * 1000;

Error wrong(const char* key, const char* expected) { return Error{fmt::format("\"{}\" has to be {}", key, expected)}; }

Status take_target(ModeRequest& request, const std::string& key, const json& value) {
  if (!value.is_string()) return wrong(key.c_str(), "a string");
  const std::string text = value.get<std::string>();
  if (key == "mode") {
    request.mode = parse_mode(text);
    if (!request.mode)
      return wrong("mode", "one of primary, primary-readonly, backup-readonly, backup-writable, closed");
  } else {
    request.verb = parse_verb(text);
    if (!request.verb) return wrong("verb", "one of failover, failback, freeze, thaw, promote, close");
  }
  return {};
}

Status take_until(ModeRequest& request, const json& value, WallTime now) {
  request.until = value.is_string() ? parse_rfc3339(value.get<std::string>()) : std::nullopt;
  if (!request.until) return wrong("until", "a time as in 2026-11-22T18:00:00Z (RFC 3339)");
  if (*request.until <= now) return Error{"\"until\" is over already"};
  return {};
}

Status take_overrides(ModeRequest& request, const json& value) {
  if (!value.is_array()) return wrong("override", "an array of the names of rules");
  std::vector<std::string> names;
  for (const json& name : value) {
    if (!name.is_string()) return wrong("override", "an array of the names of rules");
    names.push_back(name.get<std::string>());
  }
  Result<std::vector<Guard>> guards = parse_overrides(names);
  if (!guards) return Error{fmt::format("\"override\": {}", guards.error().message)};
  request.overrides = std::move(*guards);
  return {};
}

Status take_member(ModeRequest& request, const std::string& key, const json& value, WallTime now) {
  if (key == "mode" || key == "verb") return take_target(request, key, value);
  if (key == "until") return take_until(request, value, now);
  if (key == "override") return take_overrides(request, value);
  if (key == "reason") {
    if (!value.is_string()) return wrong("reason", "a string");
    request.reason = value.get<std::string>();
    return {};
  }
  if (key == "dry_run") {
    if (!value.is_boolean()) return wrong("dry_run", "true or false");
    request.dry_run = value.get<bool>();
    return {};
  }
  if (key == "wait_ms") {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > kLongestWaitMs) {
      return wrong("wait_ms", "a whole number of milliseconds, at most a day");
    }
    request.wait = Milliseconds(value.get<int64_t>());
    return {};
  }
  if (key == "expect_epoch") {
    if (!value.is_number_unsigned()) return wrong("expect_epoch", "a whole number");
    request.expect_epoch = value.get<uint64_t>();
    return {};
  }
  return Error{
      fmt::format("unknown key \"{}\"; known: mode (or verb), reason, until, override, dry_run, wait_ms, expect_epoch",
                  key.substr(0, 64))};
}

}  // namespace

Result<ModeRequest> parse_mode_body(const std::string& body, Milliseconds default_wait, WallTime now) {
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return Error{"the body has to be a JSON object, as in {\"mode\":\"backup-readonly\"}"};
  ModeRequest request;
  request.wait = default_wait;
  for (const auto& [key, value] : parsed.items()) {
    if (value.is_null()) {
      // Absent, but the key has to be known all the same.
      ModeRequest ignored;
      const Status known = take_member(ignored, key, value, now);
      if (!known && known.error().message.starts_with("unknown key")) return known.error();
      continue;
    }
    if (const Status taken = take_member(request, key, value, now); !taken) return taken.error();
  }
  if (request.mode.has_value() == request.verb.has_value()) {
    return Error{"give either \"mode\" or \"verb\", as in {\"mode\":\"backup-readonly\"}"};
  }
  return request;
}

}  // namespace halfdoor
