// Parameters of a query, or of an urlencoded body, in every way in which a host may read them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace halfdoor {

struct Parameter {
  std::string_view name;   // both as sent, not decoded
  std::string_view value;  // empty where there is no "="
};

// Calls visit(Parameter) for each piece between any of `separators` until it returns false; says whether none did.
// Hosts split at "&", some at ";" too.
template <class Visit>
bool for_each_parameter(std::string_view text, std::string_view separators, Visit visit) {
  while (!text.empty()) {
    const size_t end = text.find_first_of(separators);
    const std::string_view piece = text.substr(0, end);
    const size_t equals = piece.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1);
    if (!piece.empty() && !visit(Parameter{piece.substr(0, equals), value})) return false;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return true;
}

// The same for every parameter that some host sees: of those that split at "&" alone, and of those that split at ";"
// too.
template <class Visit>
bool for_each_reading(std::string_view text, Visit visit) {
  if (!for_each_parameter(text, "&", visit)) return false;
  return text.find(';') == std::string_view::npos || for_each_parameter(text, "&;", visit);
}

// `text` with its escapes decoded once; what is no escape stays. Returns whether there was any.
bool decode_escapes(std::string_view text, std::string& out);

// Percent-decoded, "+" as a blank; what is no escape stays. `rounds`: how often at most, until nothing changes.
std::string decode_parameter(std::string_view text, int rounds);
inline constexpr int kUntilStable = 8;

// A name, as sent, in every way in which some host may read it: decoded until stable; ASCII case, blanks at either end
// and what follows "[" or NUL ignored; "_", ".", " " and a leading "[" alike, as in PHP. Allocates only for escapes.
// Lives as long as the text it was made of.
class ParameterName {
 public:
  explicit ParameterName(std::string_view as_sent);
  ParameterName(const ParameterName&) = delete;
  ParameterName& operator=(const ParameterName&) = delete;

  bool may_be_read_as(std::string_view wanted) const;

 private:
  std::string decoded_;
  std::string_view core_;  // what is left to be compared
};
inline bool may_be_read_as(std::string_view name, std::string_view wanted) {
  return name.size() >= wanted.size() && ParameterName(name).may_be_read_as(wanted);
}

// A value, as sent or decoded already, in every way in which some host may read it: as it is, decoded once and until
// stable; ASCII case, blanks at either end and what follows NUL ignored. Allocates only for escapes. Lives as long as
// the text it was made of.
class ParameterValue {
 public:
  explicit ParameterValue(std::string_view as_sent);
  ParameterValue(const ParameterValue&) = delete;
  ParameterValue& operator=(const ParameterValue&) = delete;

  bool may_be_read_as(std::string_view wanted) const;

 private:
  std::string_view as_sent_;
  bool has_escapes_;
  std::string once_;
  std::string stable_;
};
inline bool may_have_value(std::string_view value, std::string_view wanted) {
  return ParameterValue(value).may_be_read_as(wanted);
}

}  // namespace halfdoor
