#include "exchange/read_only.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "exchange/graphql_request.h"
#include "exchange/override.h"
#include "exchange/rule_match.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr ReadOnlyDecision refuse(std::string_view why) { return {ReadOnlyVerdict::refused, why}; }
constexpr ReadOnlyDecision pass_by_rule(std::string_view why) { return {ReadOnlyVerdict::passes_by_rule, why}; }

// Judges one request; lives for one call.
class Judge {
 public:
  Judge(const RequestHead& head, const ReadOnlyConfig& rules, const BodyFindings* body)
      : head_(head), rules_(rules), body_(body), spellings_(head) {}

  ReadOnlyDecision decide() {
    ReadOnlyDecision decision = decide_as_plain();
    if (decision.verdict == ReadOnlyVerdict::refused) return decision;
    if (head_.is_websocket_handshake) {
      if (!rules_.websocket) return refuse("websocket");
      decision = pass_by_rule("websocket");
    }
    if (head_.has_body()) {
      const ReadOnlyDecision body = judge_body();
      if (body.verdict == ReadOnlyVerdict::refused) return body;
    }
    return decision;
  }

  // But for upgrade and body.
  ReadOnlyDecision decide_as_plain() {
    const ReadOnlyDecision own = judge_method(head_.method);
    if (own.verdict == ReadOnlyVerdict::refused) return own;
    if (head_.has_body() && is_safe_method(head_.method)) return refuse("body");
    ReadOnlyDecision decision = own;
    const bool all_pass = for_each_override(head_, rules_.override_names, [&](std::string_view method) {
      const ReadOnlyDecision other = judge_override(method);
      if (other.verdict != ReadOnlyVerdict::passes) decision = other;
      return other.verdict != ReadOnlyVerdict::refused;
    });
    if (!all_pass) return refuse("override");
    if (has_path_override()) return refuse("path override");
    is_graphql_ = !rules_.graphql.empty() && is_graphql_operation();
    if (is_graphql_) {
      const std::string_view flaw = find_graphql_flaw();
      if (!flaw.empty()) return refuse(flaw);
    }
    return decision;
  }

 private:
  // Of the path of this request.
  ReadOnlyDecision judge_method(std::string_view method) {
    if (is_denied(method)) return refuse("deny rule");
    if (is_safe_method(method)) return {ReadOnlyVerdict::passes, "safe method"};
    for (const Rule& rule : rules_.allow) {
      if (rule.method == method && is_allowed_by(rule)) return pass_by_rule("allow rule");
    }
    if (method == "POST" && is_graphql_path(head_, rules_)) return pass_by_rule("graphql");
    return refuse("method");
  }

  // A head, and a body more so, can name the same method thousands of times; each is judged once.
  ReadOnlyDecision judge_override(std::string_view method) {
    for (const auto& [known, decision] : judged_) {
      if (iequals(known, method)) return decision;
    }
    return judged_.emplace_back(method, judge_another_override(method)).second;
  }

  // Hosts turn an override to upper case, or do not.
  ReadOnlyDecision judge_another_override(std::string_view method) {
    for (std::string_view safe : {"GET", "HEAD", "OPTIONS"}) {
      if (iequals(method, safe)) return judge_method(safe);
    }
    if (is_denied(method)) return refuse("deny rule");
    for (const Rule& rule : rules_.allow) {
      if (iequals(rule.method, method) && is_allowed_by(rule)) return pass_by_rule("allow rule");
    }
    return refuse("override");
  }

  bool is_allowed_by(const Rule& rule) const {
    if (!allow_matches(rule, head_)) return false;
    return !rule.parameter || !any_in_body(rule.parameter->name, [](const BodyParameter&) { return true; });
  }

  bool is_denied(std::string_view method) {
    for (const Rule& rule : rules_.deny) {
      const bool names_it = iequals(rule.method, method) || (rule.method == "GET" && iequals(method, "HEAD"));
      if (names_it && (spellings_.deny_matches(rule) || is_denied_in_body(rule))) return true;
    }
    return false;
  }

  bool is_denied_in_body(const Rule& rule) {
    if (!rule.parameter || body_ == nullptr) return false;
    const bool has_it = any_in_body(rule.parameter->name, [&](const BodyParameter& found) {
      return !found.value || may_have_value(*found.value, rule.parameter->value);
    });
    return has_it && spellings_.path_matches(rule);
  }

  template <class Predicate>
  bool any_in_body(std::string_view name, Predicate is_meant) const {
    if (body_ == nullptr) return false;
    const std::vector<BodyParameter>& all = body_->parameters.found;
    return std::any_of(all.begin(), all.end(),
                       [&](const BodyParameter& found) { return found.name == name && is_meant(found); });
  }

  // Everything else passes.
  ReadOnlyDecision judge_body() {
    const BodyForm form = find_body_form(head_.fields);
    if (form == BodyForm::none && !is_graphql_) return {ReadOnlyVerdict::passes, {}};
    if (head_.fields.has(FieldId::content_encoding)) return refuse("compressed body");
    if (form == BodyForm::unclear) return refuse("unreadable body");
    if (is_graphql_ && !is_graphql_type(head_.fields)) return refuse("graphql type");
    if (body_ == nullptr || !body_->are_about(head_, rules_)) {
      return {ReadOnlyVerdict::refused, "body needs inspection", /*needs_body=*/true};
    }
    if (!body_->parameters.is_readable) return refuse("unreadable body");
    for (const BodyParameter& found : body_->parameters.found) {
      if (!is_override_name(found.name)) continue;
      // One that is unclear names no method.
      const std::string_view method = found.value ? trim(*found.value) : std::string_view{};
      if (judge_override(method).verdict == ReadOnlyVerdict::refused) return refuse("override in the body");
    }
    if (is_graphql_ && !body_->has_only_queries) return refuse("graphql");
    return {ReadOnlyVerdict::passes, {}};
  }

  bool is_override_name(std::string_view name) const {
    const std::vector<std::string>& further = rules_.override_names;
    return name == kMethodParameter || std::find(further.begin(), further.end(), name) != further.end();
  }

  // Where no rule looked at the path, another path would get the same verdict.
  bool has_path_override() const {
    if (is_safe_method(head_.method) && rules_.deny.empty() && rules_.graphql.empty()) return false;
    for (const Field& field : head_.fields) {
      if (is_path_override_field(field) && field.value != head_.target) return true;
    }
    return false;
  }

  // A GET without a query asks for the page of an explorer, not for an operation; OPTIONS never executes one.
  bool is_graphql_operation() {
    if (head_.method == "OPTIONS" || (is_safe_method(head_.method) && head_.query.empty())) return false;
    return std::any_of(rules_.graphql.begin(), rules_.graphql.end(),
                       [this](const std::string& path) { return spellings_.matches_path(path); });
  }

  // What can be told from the head; empty: nothing speaks against it.
  std::string_view find_graphql_flaw() const {
    if (!is_graphql_path(head_, rules_)) return "graphql path";
    switch (read_graphql_parameters(head_.query, rules_.override_names)) {
      case GraphqlParameters::queries: return {};
      case GraphqlParameters::none: return head_.has_body() ? std::string_view{} : "graphql";
      case GraphqlParameters::refused: break;
    }
    return "graphql";
  }

  const RequestHead& head_;
  const ReadOnlyConfig& rules_;
  const BodyFindings* const body_;
  SpellingMatcher spellings_;
  bool is_graphql_ = false;                                       // an operation may be in it
  std::vector<std::pair<std::string, ReadOnlyDecision>> judged_;  // the overrides so far; the first refusal ends it
};

}  // namespace

ReadOnlyDecision passes_read_only(const RequestHead& head, const ReadOnlyConfig& rules, const BodyFindings* body) {
  return Judge(head, rules, body).decide();
}

bool may_be_resent(const RequestHead& head, const ReadOnlyConfig& rules) {
  return !head.has_body() && !head.is_websocket_handshake &&
         passes_read_only(head, rules).verdict == ReadOnlyVerdict::passes;
}

bool is_mere_handshake(const RequestHead& head, const ReadOnlyConfig& rules) {
  return head.is_websocket_handshake && !head.has_body() &&
         Judge(head, rules, nullptr).decide_as_plain().verdict == ReadOnlyVerdict::passes;
}

}  // namespace halfdoor
