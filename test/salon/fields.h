// What a client has filled in, from a query, a form or a JSON object, as plain named texts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "exchange.h"

namespace salon {

using Fields = std::map<std::string, std::string>;

// application/x-www-form-urlencoded. Throws HttpError(400) for bad escapes, NUL and repeated names.
Fields parse_urlencoded(std::string_view text);

// By Content-Type: a form or a JSON object of texts and numbers. Throws HttpError 400 or 415.
Fields read_body_fields(const Request& request);

std::string field_or(const Fields& fields, const std::string& name, const std::string& otherwise);

// Throws HttpError(400) naming the field unless it is a number from low to high.
std::int64_t parse_number(std::string_view text, const std::string& name, std::int64_t low, std::int64_t high);
std::int64_t number_or(const Fields& fields, const std::string& name, std::int64_t otherwise, std::int64_t low,
                       std::int64_t high);

}  // namespace salon
