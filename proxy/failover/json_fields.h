// Fields of the JSON objects that this folder keeps in files: read without exceptions, written with null for absent.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "config/mode.h"

namespace halfdoor {

using Json = nlohmann::ordered_json;

// Null: not one JSON object.
std::optional<Json> parse_object(std::string_view text);
// One line; bytes that are not UTF-8 become U+FFFD.
std::string write_object(const Json& object);

// Null: missing or of another type.
std::optional<std::string> text_field(const Json& object, const char* key);
std::optional<uint64_t> number_field(const Json& object, const char* key);
std::optional<bool> bool_field(const Json& object, const char* key);
std::optional<WallTime> time_field(const Json& object, const char* key);
std::optional<Mode> mode_field(const Json& object, const char* key);
// Entries that are not texts are left out.
std::vector<std::string> texts_field(const Json& object, const char* key);

Json time_or_null(const std::optional<WallTime>& time);
Json text_or_null(const std::string& text);

}  // namespace halfdoor
