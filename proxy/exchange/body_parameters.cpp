#include "exchange/body_parameters.h"

#include <algorithm>
#include <nlohmann/json.hpp>

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

// What has been found so far, each once.
class Collector {
 public:
  explicit Collector(const Names& names) : names_(names) {}

  // `name` as the body spells it. Whether it may be one of those that are looked for.
  bool is_wanted(std::string_view name) const {
    const ParameterName parameter(name);
    return std::any_of(names_.begin(), names_.end(),
                       [&](const std::string& wanted) { return parameter.may_be_read_as(wanted); });
  }
  // `value` null: not one clear text.
  void take(std::string_view name, std::optional<std::string> value) {
    if (value && value->size() > BodyParameters::kLongestValue) value.reset();
    const ParameterName parameter(name);
    for (const std::string& wanted : names_) {
      if (parameter.may_be_read_as(wanted)) add({wanted, value});
    }
  }
  // Whether all of it has found room.
  bool is_complete() const { return !overflowed_; }
  std::vector<BodyParameter> found() { return std::move(found_); }

 private:
  void add(BodyParameter parameter) {
    if (overflowed_ || std::find(found_.begin(), found_.end(), parameter) != found_.end()) return;
    overflowed_ = found_.size() == BodyParameters::kMost;
    if (!overflowed_) found_.push_back(std::move(parameter));
  }

  const Names& names_;
  std::vector<BodyParameter> found_;
  bool overflowed_ = false;
};

// Three bytes of an escape stand for one.
std::optional<std::string> decode_value(std::string_view value) {
  if (value.size() > 3 * BodyParameters::kLongestValue) return std::nullopt;
  return decode_parameter(value, 1);
}

bool read_urlencoded(std::string_view body, Collector& collector) {
  return for_each_reading(body, [&](const Parameter& parameter) {
    if (collector.is_wanted(parameter.name)) collector.take(parameter.name, decode_value(parameter.value));
    // A field of this name announces another charset (HTML, form submission).
    return !may_be_read_as(parameter.name, "_charset_") && collector.is_complete();
  });
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
bool read_multipart(std::string_view content_type, std::string_view body, Collector& collector) {
  const std::optional<std::string> delimiter = read_delimiter(content_type);
  if (!delimiter || !body.starts_with(*delimiter)) return false;
  body.remove_prefix(delimiter->size());
  while (body.starts_with(kLineEnd)) {
    const size_t end = body.find(*delimiter);
    if (end == std::string_view::npos || !body.substr(0, end).ends_with(kLineEnd)) return false;
    std::string_view part = body.substr(kLineEnd.size(), end - kLineEnd.size());
    const size_t blank = part.find("\r\n\r\n");
    if (blank == std::string_view::npos) return false;
    const std::optional<std::string_view> name = read_part_head(part.substr(0, blank + kLineEnd.size()));
    if (!name || may_be_read_as(*name, "_charset_")) return false;
    part.remove_prefix(blank + 2 * kLineEnd.size());
    if (collector.is_wanted(*name)) {
      const bool is_empty = part.size() < kLineEnd.size();
      collector.take(*name, std::string(trim(is_empty ? part : part.substr(0, part.size() - kLineEnd.size()))));
    }
    body.remove_prefix(end + delimiter->size());
  }
  return body == "--" || body == "--\r\n";
}

// Events of the parser: notes the value of each member that is looked for.
class MemberListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit MemberListener(Collector& collector) : collector_(collector) {}

  bool key(string_t& name) override {
    if (collector_.is_wanted(name)) name_ = std::move(name);
    return true;
  }
  bool string(string_t& text) override { return take(std::string(trim(text))); }
  bool null() override { return take(std::nullopt); }
  bool boolean(bool value) override { return take(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return take(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take(std::to_string(value)); }
  bool number_float(number_float_t, const string_t&) override { return take(std::nullopt); }
  bool binary(binary_t&) override { return take(std::nullopt); }
  bool start_object(size_t) override { return take(std::nullopt); }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return take(std::nullopt); }
  bool end_array() override { return true; }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool take(std::optional<std::string> value) {
    if (name_) collector_.take(*name_, std::move(value));
    name_.reset();
    return collector_.is_complete();
  }

  Collector& collector_;
  std::optional<std::string> name_;  // of the member whose value comes next, if it is looked for
};

bool read_json(std::string_view body, Collector& collector) {
  // The parser takes NUL for the end of the text.
  if (body.find('\0') != std::string_view::npos) return false;
  MemberListener listener(collector);
  return nlohmann::json::sax_parse(body.begin(), body.end(), &listener);
}

bool read_body(BodyForm form, std::string_view content_type, std::string_view body, Collector& collector) {
  switch (form) {
    case BodyForm::none: return true;
    case BodyForm::urlencoded: return read_urlencoded(body, collector);
    case BodyForm::multipart: return read_multipart(content_type, body, collector);
    case BodyForm::json: return read_json(body, collector);
    case BodyForm::unclear: break;
  }
  return false;
}

}  // namespace

bool is_plain_type(std::string_view content_type) {
  return for_each_field_parameter(content_type, [](const FieldParameter& parameter) {
    return !iequals(parameter.name, "charset") || is_plain_charset(parameter.value);
  });
}

BodyParameters find_body_parameters(const FieldList& fields, std::string_view body,
                                    const std::vector<std::string>& names) {
  const BodyForm form = find_body_form(fields);
  if (form == BodyForm::none) return {true, {}};
  if (fields.has(FieldId::content_encoding)) return {};
  const Field* type = fields.find(FieldId::content_type);
  const std::string_view content_type = type == nullptr ? std::string_view{} : type->value;
  if (!is_plain_type(content_type)) return {};
  Collector collector(names);
  if (!read_body(form, content_type, body, collector) || !collector.is_complete()) return {};
  return {true, collector.found()};
}

}  // namespace halfdoor
