#include "exchange/body_inspection.h"

#include <algorithm>

#include "exchange/graphql_request.h"
#include "http/path.h"

namespace halfdoor {

namespace {

// The parameters by which overrides and rules decide, each once.
std::vector<std::string> names_to_watch(const ReadOnlyConfig& rules) {
  std::vector<std::string> names{std::string(kMethodParameter)};
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& name : rules.override_names) add(name);
  for (const std::vector<Rule>* list : {&rules.allow, &rules.deny}) {
    for (const Rule& rule : *list) {
      if (rule.parameter) add(rule.parameter->name);
    }
  }
  return names;
}

}  // namespace

bool BodyFindings::are_about(const RequestHead& head, const ReadOnlyConfig& rules) const {
  return watched == names_to_watch(rules) && was_graphql_asked == is_graphql_path(head, rules);
}

bool is_graphql_path(const RequestHead& head, const ReadOnlyConfig& rules) {
  const std::vector<std::string>& paths = rules.graphql;
  return std::find(paths.begin(), paths.end(), head.path) != paths.end() && is_normal_form(head.path);
}

BodyFindings inspect_body(const RequestHead& head, std::string_view body, const ReadOnlyConfig& rules) {
  BodyFindings findings = findings_of_large_body(head, rules);
  findings.parameters = find_body_parameters(head.fields, body, findings.watched);
  findings.has_only_queries = findings.was_graphql_asked && has_only_graphql_queries(head.fields, body);
  return findings;
}

BodyFindings findings_of_large_body(const RequestHead& head, const ReadOnlyConfig& rules) {
  BodyFindings findings;
  findings.watched = names_to_watch(rules);
  findings.was_graphql_asked = is_graphql_path(head, rules);
  return findings;
}

}  // namespace halfdoor
