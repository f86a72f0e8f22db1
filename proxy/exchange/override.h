// What may make a host take a request for one of another method: fields, query parameters, the body (design 1.7, 2).
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exchange/parameter.h"
#include "http/head.h"
#include "http/semantics.h"

namespace halfdoor {

inline constexpr std::string_view kMethodParameter = "_method";

// Whether a host may take this field for an override of the method: X-HTTP-Method-Override, X-HTTP-Method,
// X-Method-Override (whose disguises the codec refuses) or one of `names`, also with other signs in place of "-", which
// CGI turns into "_" alike.
bool is_override_field(const Field& field, const std::vector<std::string>& names);
// Whether a host may take its value for the target: X-Original-URL, X-Rewrite-URL.
bool is_path_override_field(const Field& field);
// Whether a host may take a parameter of this name, as sent, for an override: `_method` or one of `names`.
bool is_override_parameter(std::string_view name, const std::vector<std::string>& names);
// The method that a parameter's value, as sent, names; "" for one that names none clearly.
std::string override_value(std::string_view value);

// Calls visit(method) for each override that fields and query carry, each field line, each element of a list and each
// parameter, until it returns false; says whether none did. An empty one is visited as "".
template <class Visit>
bool for_each_override(const RequestHead& head, const std::vector<std::string>& names, Visit visit) {
  for (const Field& field : head.fields) {
    if (!is_override_field(field, names)) continue;
    bool is_empty = true;
    bool goes_on = true;
    for_each_element(field.value, [&](std::string_view element) {
      is_empty = false;
      goes_on = goes_on && visit(element);
    });
    if (!goes_on || (is_empty && !visit(std::string_view{}))) return false;
  }
  return for_each_reading(head.query, [&](const Parameter& parameter) {
    return !is_override_parameter(parameter.name, names) || visit(std::string_view(override_value(parameter.value)));
  });
}

// How a body can carry `_method`.
enum class BodyForm : uint8_t {
  none,        // of a type that carries no override
  urlencoded,  // also without Content-Type
  multipart,
  json,
  unclear,  // several types, or none that can be read: it may be any of them
};
BodyForm find_body_form(const FieldList& fields);

}  // namespace halfdoor
