#include "exchange/override.h"

#include <algorithm>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr bool is_alphanumeric(char c) {
  const char lower = ascii_lower(c);
  return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

// As environment variables of CGI: every sign but letters and digits is the same.
bool same_to_cgi(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i]) && (is_alphanumeric(a[i]) || is_alphanumeric(b[i]))) return false;
  }
  return true;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

bool is_override_field(const Field& field, const std::vector<std::string>& names) {
  switch (field.id) {
    case FieldId::x_http_method:
    case FieldId::x_http_method_override:
    case FieldId::x_method_override: return true;
    default: break;
  }
  for (const std::string& name : names) {
    if (same_to_cgi(field.name, name)) return true;
  }
  return false;
}

bool is_path_override_field(const Field& field) {
  return field.id == FieldId::other &&
         (same_to_cgi(field.name, "x-original-url") || same_to_cgi(field.name, "x-rewrite-url"));
}

bool is_override_parameter(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() < kMethodParameter.size() && names.empty()) return false;
  const ParameterName parameter(name);
  return parameter.may_be_read_as(kMethodParameter) ||
         std::any_of(names.begin(), names.end(),
                     [&](const std::string& further) { return parameter.may_be_read_as(further); });
}

std::string override_value(std::string_view value) { return std::string(trim(decode_parameter(value, 1))); }

BodyForm find_body_form(const FieldList& fields) {
  const Field* type = nullptr;
  for (const Field& field : fields) {
    if (field.id != FieldId::content_type) continue;
    if (type != nullptr) return BodyForm::unclear;
    type = &field;
  }
  if (type == nullptr) return BodyForm::urlencoded;
  const std::string value = to_lower(type->value);
  if (contains(value, ",")) return BodyForm::unclear;
  const std::string_view essence = trim(std::string_view(value).substr(0, value.find(';')));
  const size_t slash = essence.find('/');
  if (slash == std::string_view::npos || !is_token(essence.substr(0, slash)) || !is_token(essence.substr(slash + 1))) {
    return BodyForm::unclear;
  }
  const bool is_urlencoded = contains(essence, "urlencoded");
  const bool is_multipart = essence.substr(0, slash) == "multipart";
  const bool is_json = contains(essence, "json");
  // Hosts look for one part of the type or another.
  if (is_urlencoded + is_multipart + is_json > 1) return BodyForm::unclear;
  if (is_urlencoded) return BodyForm::urlencoded;
  if (is_multipart) return BodyForm::multipart;
  return is_json ? BodyForm::json : BodyForm::none;
}

}  // namespace halfdoor
