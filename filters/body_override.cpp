#include "filters/body_override.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/text.h"

namespace halfdoor {

namespace {

using Names = std::vector<std::string>;
constexpr std::string_view kLineEnd = "\r\n";

// `parameter=value` behind the ";" of a field value (RFC 9110 5.6.6), strictly: null where it is anything else.
struct FieldParameter {
  std::string_view name;
  std::string_view value;
};
std::optional<FieldParameter> take_parameter(std::string_view& rest) {
  rest = trim(rest.substr(1));
  const size_t equals = rest.find('=');
  if (equals == std::string_view::npos || !is_token(rest.substr(0, equals))) return std::nullopt;
  FieldParameter parameter{rest.substr(0, equals), {}};
  rest.remove_prefix(equals + 1);
  if (!rest.empty() && rest.front() == '"') {
    const size_t end = rest.find_first_of("\"\\", 1);
    if (end == std::string_view::npos || rest[end] == '\\') return std::nullopt;
    parameter.value = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  } else {
    const size_t end = std::min(rest.find(';'), rest.size());
    parameter.value = trim(rest.substr(0, end));
    if (!is_token(parameter.value)) return std::nullopt;
    rest.remove_prefix(end);
  }
  rest = trim(rest);
  if (!rest.empty() && rest.front() != ';') return std::nullopt;
  return parameter;
}

// Calls visit(parameter) for each; says whether all of them could be read and were accepted.
template <class Visit>
bool for_each_field_parameter(std::string_view value, Visit visit) {
  std::string_view rest = value.substr(std::min(value.find(';'), value.size()));
  while (!rest.empty()) {
    const std::optional<FieldParameter> parameter = take_parameter(rest);
    if (!parameter || !visit(*parameter)) return false;
  }
  return true;
}

// In which "_method" is spelled as in ASCII.
bool is_plain_charset(std::string_view charset) {
  return iequals(charset, "utf-8") || iequals(charset, "us-ascii") || iequals(charset, "iso-8859-1");
}

bool is_plain_type(std::string_view content_type) {
  return for_each_field_parameter(content_type, [](const FieldParameter& parameter) {
    return !iequals(parameter.name, "charset") || is_plain_charset(parameter.value);
  });
}

BodyOverrides read_urlencoded(std::string_view body, const Names& names) {
  BodyOverrides found{true, {}};
  for_each_parameter(body, "&;", [&](const Parameter& parameter) {
    // A field of this name announces another charset (HTML, form submission).
    found.is_readable = found.is_readable && !may_be_read_as(parameter.name, "_charset_");
    if (is_override_parameter(parameter.name, names)) found.methods.push_back(override_value(parameter.value));
    return true;
  });
  return found;
}

// The value of `name` in "form-data; name=...; filename=...".
std::optional<std::string_view> read_part_name(std::string_view disposition) {
  if (!iequals(trim(disposition.substr(0, disposition.find(';'))), "form-data")) return std::nullopt;
  std::optional<std::string_view> name;
  const bool is_clear = for_each_field_parameter(disposition, [&](const FieldParameter& parameter) {
    if (iequals(parameter.name, "filename") || iequals(parameter.name, "filename*")) return true;
    if (!iequals(parameter.name, "name") || name) return false;
    name = parameter.value;
    return true;
  });
  return is_clear ? name : std::nullopt;
}

bool is_transparent_encoding(std::string_view value) {
  return iequals(value, "7bit") || iequals(value, "8bit") || iequals(value, "binary");
}

// The name of a part by its field lines, each ended by CRLF.
std::optional<std::string_view> read_part_head(std::string_view head) {
  std::optional<std::string_view> name;
  while (!head.empty()) {
    const size_t end = head.find(kLineEnd);
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + kLineEnd.size());
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return std::nullopt;
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return std::nullopt;
    const std::string_view field = line.substr(0, colon);
    if (iequals(field, "Content-Disposition")) {
      if (name) return std::nullopt;
      name = read_part_name(value);
      if (!name) return std::nullopt;
    } else if (iequals(field, "Content-Type")) {
      if (!is_plain_type(value) || iequals(value.substr(0, 10), "multipart/")) return std::nullopt;
    } else if (iequals(field, "Content-Transfer-Encoding") && !is_transparent_encoding(value)) {
      return std::nullopt;
    }
  }
  return name;
}

std::optional<std::string> read_delimiter(std::string_view content_type) {
  std::optional<std::string> delimiter;
  const bool is_clear = for_each_field_parameter(content_type, [&](const FieldParameter& parameter) {
    if (!iequals(parameter.name, "boundary")) return true;
    if (delimiter || parameter.value.empty() || parameter.value.size() > 70) return false;
    delimiter = "--" + std::string(parameter.value);
    return true;
  });
  return is_clear ? delimiter : std::nullopt;
}

// Every appearance of the delimiter must be a delimiter to everybody: at the start of a line, and followed by its end.
BodyOverrides read_multipart(std::string_view content_type, std::string_view body, const Names& names) {
  const std::optional<std::string> delimiter = read_delimiter(content_type);
  if (!delimiter || !body.starts_with(*delimiter)) return {};
  BodyOverrides found;
  body.remove_prefix(delimiter->size());
  while (body.starts_with(kLineEnd)) {
    const size_t end = body.find(*delimiter);
    if (end == std::string_view::npos || !body.substr(0, end).ends_with(kLineEnd)) return {};
    std::string_view part = body.substr(kLineEnd.size(), end - kLineEnd.size());
    const size_t blank = part.find("\r\n\r\n");
    if (blank == std::string_view::npos) return {};
    const std::optional<std::string_view> name = read_part_head(part.substr(0, blank + kLineEnd.size()));
    if (!name || may_be_read_as(*name, "_charset_")) return {};
    part.remove_prefix(blank + 2 * kLineEnd.size());
    if (is_override_parameter(*name, names)) {
      const bool is_empty = part.size() < kLineEnd.size();
      found.methods.emplace_back(trim(is_empty ? part : part.substr(0, part.size() - kLineEnd.size())));
    }
    body.remove_prefix(end + delimiter->size());
  }
  found.is_readable = body == "--" || body == "--\r\n";
  return found;
}

// Events of the parser: notes the value of each member that overrides.
class OverrideListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  OverrideListener(const Names& names, std::vector<std::string>& methods) : names_(names), methods_(methods) {}

  bool key(string_t& name) override {
    is_override_ = is_override_parameter(name, names_);
    return true;
  }
  bool string(string_t& text) override {
    if (is_override_) methods_.emplace_back(trim(text));
    is_override_ = false;
    return true;
  }
  bool null() override { return no_method(); }
  bool boolean(bool) override { return no_method(); }
  bool number_integer(number_integer_t) override { return no_method(); }
  bool number_unsigned(number_unsigned_t) override { return no_method(); }
  bool number_float(number_float_t, const string_t&) override { return no_method(); }
  bool binary(binary_t&) override { return no_method(); }
  bool start_object(size_t) override { return no_method(); }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return no_method(); }
  bool end_array() override { return true; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool no_method() {
    if (is_override_) methods_.emplace_back();
    is_override_ = false;
    return true;
  }

  const Names& names_;
  std::vector<std::string>& methods_;
  bool is_override_ = false;
};

BodyOverrides read_json(std::string_view body, const Names& names) {
  BodyOverrides found;
  OverrideListener listener(names, found.methods);
  found.is_readable = nlohmann::json::sax_parse(body.begin(), body.end(), &listener);
  return found;
}

BodyOverrides read_body(BodyForm form, std::string_view content_type, std::string_view body, const Names& names) {
  switch (form) {
    case BodyForm::none: return {true, {}};
    case BodyForm::urlencoded: return read_urlencoded(body, names);
    case BodyForm::multipart: return read_multipart(content_type, body, names);
    case BodyForm::json: return read_json(body, names);
    case BodyForm::unclear: break;
  }
  return {};
}

}  // namespace

BodyOverrides find_body_overrides(const FieldList& fields, std::string_view body,
                                  const std::vector<std::string>& names) {
  const BodyForm form = find_body_form(fields);
  if (form == BodyForm::none) return {true, {}};
  if (fields.has(FieldId::content_encoding)) return {};
  const Field* type = fields.find(FieldId::content_type);
  const std::string_view content_type = type == nullptr ? std::string_view{} : type->value;
  if (!is_plain_type(content_type)) return {};
  BodyOverrides found = read_body(form, content_type, body, names);
  if (!found.is_readable) found.methods.clear();
  return found;
}

}  // namespace halfdoor
