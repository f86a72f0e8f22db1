// Reads members of a JSON object that may be missing, null or of another type.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace halfdoor {

inline std::string text_of(const nlohmann::json& object, const char* key, const std::string& otherwise = "") {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}
inline int64_t number_of(const nlohmann::json& object, const char* key, int64_t otherwise = 0) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<int64_t>() : otherwise;
}
inline double decimal_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0.0;
}
inline bool flag_of(const nlohmann::json& object, const char* key, bool otherwise = false) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}
// An empty array if there is none.
inline const nlohmann::json& array_of(const nlohmann::json& object, const char* key) {
  static const nlohmann::json none = nlohmann::json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}
// What it would return is gone at the end of the expression.
const nlohmann::json& array_of(nlohmann::json&& object, const char* key) = delete;

}  // namespace halfdoor
