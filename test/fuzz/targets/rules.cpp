// One rule of the configuration and one target: `allow` matches only what every host reads alike, and what it matched
// is forwarded byte for byte; `deny` matches whatever some host reads as the path that the rule names; deny beats
// allow.
#include <algorithm>

#include "exchange/read_only.h"
#include "exchange/rule_match.h"
#include "fuzz/path_input.h"

namespace halfdoor::fuzz {

namespace {

std::string forwarded_target(const RequestHead& head) {
  BlockPool pool;
  SliceQueue out(pool);
  write_request_head(out, head);
  const std::string text = text_of(out);
  const auto reading = reference::read_request(text, reference::Strictness::sent);
  require(reading.has_head, "what is forwarded is strict", [&] { return printable(text); });
  return reading.message.target;
}

void check_allow(const Rule& rule, const RequestHead& head, std::string_view target, const reference::HostModel& host) {
  require(reference::names_exactly(rule, head.path), "allow matches exactly");
  require_same(reference::read_path(head.path, host), head.path, "allow matches only what every host reads alike");
  require_same(forwarded_target(head), target, "a path that allow matched is forwarded byte for byte");
  if (!rule.parameter) return;
  for (const unsigned decodings : {1U, 2U}) {
    for (const bool splits_at_semicolon : {false, true}) {
      size_t named = 0;
      for (const auto& [name, value] : reference::read_query(head.query, decodings, splits_at_semicolon)) {
        if (name != rule.parameter->name) continue;
        ++named;
        if (decodings == 1) require_same(value, rule.parameter->value, "the parameter has the value that allow names");
      }
      require(named <= 1, "the parameter of an allow rule is there once");
    }
  }
}

bool names_parameter(const Rule& rule, std::string_view query, unsigned decodings) {
  if (!rule.parameter) return true;
  for (const bool splits_at_semicolon : {false, true}) {
    for (const auto& [name, value] : reference::read_query(query, decodings, splits_at_semicolon)) {
      if (name == rule.parameter->name && value == rule.parameter->value) return true;
    }
  }
  return false;
}

// `deny` is wide, but not for a path that every host reads alike and that has nothing of the rule in it.
void check_deny_is_not_everything(const Rule& rule, const RequestHead& head, bool is_denied) {
  const auto in_normal_form = [&] {
    reference::HostModel plain;
    plain.decodings = 0;
    return head.path.find_first_of("%;\\.") == std::string_view::npos &&
           reference::read_path(head.path, plain) == head.path;
  };
  if (!in_normal_form() || head.path.find('.') != std::string_view::npos) return;
  const std::vector<std::string> segments = reference::segments_of(head.path);
  for (const std::string& literal : rule.segments) {
    if (literal == "*" || literal == "**") continue;
    const bool is_there = std::any_of(segments.begin(), segments.end(), [&](const std::string& segment) {
      return reference::lower(literal).starts_with(reference::lower(segment));
    });
    if (!is_there) require(!is_denied, "deny does not match a plain path without a segment of the rule");
  }
}

void run(std::string_view bytes) {
  Input input(bytes);
  const reference::HostModel host = choose_host(input);
  const Result<Rule> parsed = Rule::parse(input.line());
  if (!parsed.ok()) {
    require(!parsed.error().message.empty(), "an error says what to write");
    return;
  }
  const Rule& rule = *parsed;
  require(*Rule::parse(rule.text) == rule, "a rule is read alike twice");
  const std::string_view target = input.rest();
  const std::unique_ptr<ReadRequest> read = request_for(rule.method, target);
  if (read == nullptr) return;
  const RequestHead& head = read->head;

  const bool is_allowed = allow_matches(rule, head);
  if (is_allowed) check_allow(rule, head, target, host);
  const bool is_denied = SpellingMatcher(head).deny_matches(rule);
  check_deny_is_not_everything(rule, head, is_denied);
  const std::vector<std::string> segments = reference::segments_of(reference::read_path(head.path, host));
  if (reference::names_resource(rule, segments) && names_parameter(rule, head.query, std::max(1U, host.decodings))) {
    require(is_denied, "deny matches whatever some host reads as the path of the rule", [&] {
      std::string text = "rule " + rule.text + "\nread as";
      for (const std::string& segment : segments) text += " / " + printable(segment);
      return text;
    });
  }
  if (is_allowed && !rule.parameter) require(is_denied, "what a rule allows, the same rule denies");

  ReadOnlyConfig rules;
  rules.allow = {rule};
  const bool allowed_alone = passes_read_only(head, rules).verdict != ReadOnlyVerdict::refused;
  rules.deny = {rule};
  if (is_denied) {
    require(passes_read_only(head, rules).verdict == ReadOnlyVerdict::refused, "deny beats allow");
    require(!may_be_resent(head, rules), "what is denied is never re-sent");
  } else {
    require((passes_read_only(head, rules).verdict != ReadOnlyVerdict::refused) == allowed_alone,
            "a rule that does not match changes nothing");
  }
}

HALFDOOR_FUZZ_TARGET(rules, run);

}  // namespace

}  // namespace halfdoor::fuzz
