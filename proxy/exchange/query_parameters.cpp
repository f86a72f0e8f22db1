#include "exchange/query_parameters.h"

namespace halfdoor {

void QueryParameters::split(std::string_view separators) {
  for_each_parameter(query_, separators, [&](const Parameter& parameter) {
    entries_->emplace_back(parameter.name, parameter.value);
    return true;
  });
}

bool QueryParameters::may_have(const Rule::Parameter& wanted) {
  if (!entries_) {
    entries_.emplace();
    split("&");
    // For hosts that split at ";", too.
    if (query_.find(';') != std::string_view::npos) split("&;");
  }
  size_t of_this_name = 0;
  for (const Entry& entry : *entries_) {
    if (!entry.name.may_be_read_as(wanted.name)) continue;
    if (++of_this_name > kMostOfOneName || entry.value.may_be_read_as(wanted.value)) return true;
  }
  return false;
}

}  // namespace halfdoor
