// Decoding forms, queries and JSON objects.
#include "fields.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

namespace salon {

namespace {

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = high < 0 ? -1 : hex_digit(text[i + 2]);
      if (low < 0 || (high == 0 && low == 0)) throw HttpError(400, "A percent escape in the form is not valid.");
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return decoded;
}

Fields parse_json_object(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) throw HttpError(400, "The body is not a JSON object.");
  Fields fields;
  for (const auto& [name, value] : json.items()) {
    if (value.is_string()) {
      fields[name] = value.get<std::string>();
    } else if (value.is_number_integer()) {
      fields[name] = value.dump();
    } else {
      throw HttpError(400, fmt::format("\"{}\" must be a text or a whole number.", name));
    }
  }
  return fields;
}

}  // namespace

Fields parse_urlencoded(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string name = decode(pair.substr(0, equals));
    const std::string value = equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1));
    if (!fields.emplace(name, value).second) {
      throw HttpError(400, fmt::format("\"{}\" is given twice.", name));
    }
  }
  return fields;
}

Fields read_body_fields(const Request& request) {
  const std::string type = request.header("content-type");
  if (type.starts_with("application/json")) return parse_json_object(request.body);
  if (type.starts_with("application/x-www-form-urlencoded") || request.body.empty()) {
    return parse_urlencoded(request.body);
  }
  throw HttpError(415, "Send application/x-www-form-urlencoded or application/json.");
}

std::string field_or(const Fields& fields, const std::string& name, const std::string& otherwise) {
  const auto found = fields.find(name);
  return found == fields.end() ? otherwise : found->second;
}

std::int64_t parse_number(std::string_view text, const std::string& name, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    throw HttpError(400, fmt::format("\"{}\" must be a whole number from {} to {}.", name, low, high));
  }
  return value;
}

std::int64_t number_or(const Fields& fields, const std::string& name, std::int64_t otherwise, std::int64_t low,
                       std::int64_t high) {
  const auto found = fields.find(name);
  return found == fields.end() ? otherwise : parse_number(found->second, name, low, high);
}

}  // namespace salon
