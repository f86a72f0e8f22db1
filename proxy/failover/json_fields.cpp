#include "failover/json_fields.h"

#include <nlohmann/json.hpp>

namespace halfdoor {

namespace {

const Json* find(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() ? nullptr : &*at;
}

}  // namespace

std::optional<Json> parse_object(std::string_view text) {
  Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  return object;
}

std::string write_object(const Json& object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::optional<std::string> text_field(const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<uint64_t> number_field(const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
  return value->get<uint64_t>();
}

std::optional<bool> bool_field(const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

std::optional<WallTime> time_field(const Json& object, const char* key) {
  const std::optional<std::string> text = text_field(object, key);
  return text ? parse_rfc3339(*text) : std::nullopt;
}

std::optional<Mode> mode_field(const Json& object, const char* key) {
  const std::optional<std::string> text = text_field(object, key);
  return text ? parse_mode(*text) : std::nullopt;
}

std::vector<std::string> texts_field(const Json& object, const char* key) {
  std::vector<std::string> texts;
  const Json* values = find(object, key);
  if (values == nullptr || !values->is_array()) return texts;
  for (const Json& value : *values) {
    if (value.is_string()) texts.push_back(value.get<std::string>());
  }
  return texts;
}

Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(format_rfc3339_ms(*time)) : Json(); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace halfdoor
