#include "exchange/read_only.h"

#include "base/text.h"
#include "exchange/override.h"
#include "exchange/rule_match.h"
#include "http/semantics.h"

namespace halfdoor {

namespace {

constexpr ReadOnlyDecision refuse(std::string_view why) { return {ReadOnlyVerdict::refused, why}; }

// Judges one request; lives for one call.
class Judge {
 public:
  Judge(const RequestHead& head, const ReadOnlyConfig& rules) : head_(head), rules_(rules), spellings_(head) {}

  ReadOnlyDecision decide() {
    const ReadOnlyDecision own = judge_method(head_.method);
    if (own.verdict == ReadOnlyVerdict::refused) return own;
    if (head_.has_body()) {
      if (is_safe_method(head_.method)) return refuse("body");
      if (body_may_carry_override(head_.fields)) return refuse("body needs inspection");
    }
    ReadOnlyDecision decision = own;
    const bool all_pass = for_each_override(head_, rules_.override_names, [&](std::string_view method) {
      const ReadOnlyDecision other = judge_override(method);
      if (other.verdict != ReadOnlyVerdict::passes) decision = other;
      return other.verdict != ReadOnlyVerdict::refused;
    });
    if (!all_pass) return refuse("override");
    if (has_path_override()) return refuse("path override");
    if (!rules_.graphql.empty() && is_graphql_operation()) return refuse("graphql needs inspection");
    if (head_.is_websocket_handshake) {
      if (!rules_.websocket) return refuse("websocket");
      return {ReadOnlyVerdict::passes_by_rule, "websocket"};
    }
    return decision;
  }

 private:
  // Of the path of this request.
  ReadOnlyDecision judge_method(std::string_view method) {
    if (is_denied(method)) return refuse("deny rule");
    if (is_safe_method(method)) return {ReadOnlyVerdict::passes, "safe method"};
    for (const Rule& rule : rules_.allow) {
      if (rule.method == method && allow_matches(rule, head_)) return {ReadOnlyVerdict::passes_by_rule, "allow rule"};
    }
    return refuse("method");
  }

  // Hosts turn an override to upper case, or do not.
  ReadOnlyDecision judge_override(std::string_view method) {
    for (std::string_view safe : {"GET", "HEAD", "OPTIONS"}) {
      if (iequals(method, safe)) return judge_method(safe);
    }
    if (is_denied(method)) return refuse("deny rule");
    for (const Rule& rule : rules_.allow) {
      if (iequals(rule.method, method) && allow_matches(rule, head_)) {
        return {ReadOnlyVerdict::passes_by_rule, "allow rule"};
      }
    }
    return refuse("override");
  }

  bool is_denied(std::string_view method) {
    for (const Rule& rule : rules_.deny) {
      const bool names_it = iequals(rule.method, method) || (rule.method == "GET" && iequals(method, "HEAD"));
      if (names_it && spellings_.deny_matches(rule)) return true;
    }
    return false;
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
    for (const std::string& path : rules_.graphql) {
      if (spellings_.matches_path(path)) return true;
    }
    return false;
  }

  const RequestHead& head_;
  const ReadOnlyConfig& rules_;
  SpellingMatcher spellings_;
};

}  // namespace

ReadOnlyDecision passes_read_only(const RequestHead& head, const ReadOnlyConfig& rules) {
  return Judge(head, rules).decide();
}

bool may_be_resent(const RequestHead& head, const ReadOnlyConfig& rules) {
  return !head.has_body() && !head.is_websocket_handshake &&
         passes_read_only(head, rules).verdict == ReadOnlyVerdict::passes;
}

}  // namespace halfdoor
