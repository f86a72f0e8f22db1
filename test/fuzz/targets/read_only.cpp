// passes_read_only over whole heads: what passes is safe by an independent check of method, body, overrides, upgrade,
// rules and path; what passes by rule is named by one; the verdict is the same for what is forwarded.
#include "exchange/read_only.h"

#include <algorithm>

#include "fuzz/path_input.h"
#include "fuzz/strict_host.h"
#include "http/semantics.h"

namespace halfdoor::fuzz {

namespace {

ReadOnlyConfig choose_rules(Input& input) {
  ReadOnlyConfig rules;
  const unsigned kind = input.choose(4);
  if (kind & 1U) {
    rules.allow = {*Rule::parse("POST /login"), *Rule::parse("PUT /a/*"), *Rule::parse("POST /find?by=name")};
    rules.deny = {*Rule::parse("GET /bookings/*/cancel"), *Rule::parse("OPTIONS /a/**"),
                  *Rule::parse("GET /i.php?do=x")};
  }
  if (kind & 2U) {
    rules.graphql = {"/graphql"};
    rules.override_names = {"X-Verb", "op"};
    rules.websocket = true;
  }
  return rules;
}

std::string upper(std::string text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= 0x20) text.pop_back();
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

bool lists_websocket(const reference::Message& message) {
  for (const std::string& value : message.values("upgrade")) {
    // protocol-name ["/" protocol-version], between commas.
    std::string list = reference::lower(value) + ",";
    for (size_t comma = list.find(','); comma != std::string::npos; comma = list.find(',')) {
      const std::string protocol = upper(list.substr(0, std::min(comma, list.find('/'))));
      if (protocol == "WEBSOCKET") return true;
      list.erase(0, comma + 1);
    }
  }
  return false;
}

std::vector<std::string> all_overrides(const reference::Message& message, const ReadOnlyConfig& rules) {
  std::vector<std::string> methods = override_methods(message);
  if (rules.override_names.empty()) return methods;
  for (const std::string& value : message.values("x-verb")) {
    if (value.find(',') == std::string::npos) methods.push_back(value);
  }
  const size_t question = std::min(message.target.find('?'), message.target.size() - 1);
  for (const auto& [name, value] :
       reference::read_query(std::string_view(message.target).substr(question + 1), 1, false)) {
    if (name == "op") methods.push_back(value);
  }
  return methods;
}

// Whether some rule of `rules` names the resource for this method, read as `host` reads it.
bool is_denied(const ReadOnlyConfig& rules, std::string_view method, const RequestHead& head,
               const reference::HostModel& host) {
  const std::vector<std::string> segments = reference::segments_of(reference::read_path(head.path, host));
  for (const Rule& rule : rules.deny) {
    if (rule.parameter || (rule.method != method && !(rule.method == "GET" && method == "HEAD"))) continue;
    if (reference::names_resource(rule, segments)) return true;
  }
  return false;
}

bool is_allowed(const ReadOnlyConfig& rules, std::string_view method, const RequestHead& head) {
  return std::any_of(rules.allow.begin(), rules.allow.end(), [&](const Rule& rule) {
    return upper(rule.method) == upper(std::string(method)) && reference::names_exactly(rule, head.path);
  });
}

// Whether the document in the query begins as one of queries does.
bool begins_as_query(std::string_view query) {
  for (const auto& [name, value] : reference::read_query(query, 1, false)) {
    if (name != "query") continue;
    std::string_view text = value;
    while (!text.empty()) {
      const size_t ignored = text.find_first_not_of("\t\r\n ,");
      text.remove_prefix(std::min(ignored, text.size()));
      if (text.starts_with("\xef\xbb\xbf")) {
        text.remove_prefix(3);
      } else if (text.starts_with('#')) {
        text.remove_prefix(std::min(text.find_first_of("\r\n"), text.size()));
      } else {
        return text.starts_with('{') || text.starts_with("query") || text.starts_with("fragment");
      }
    }
  }
  return false;
}

void check_what_passes(const ReadOnlyConfig& rules, const RequestHead& head, const reference::Message& message,
                       const reference::HostModel& host, bool by_rule) {
  const auto why = [&] { return printable(message.method + " " + message.target); };
  const bool has_body = message.is_chunked || message.length > 0;
  const auto may_be = [&](const std::string& method) {
    return is_safe(method) || (by_rule && is_allowed(rules, method, head));
  };
  const bool is_graphql_post = by_rule && message.method == "POST" && !rules.graphql.empty() && head.path == "/graphql";
  require(may_be(message.method) || is_graphql_post, "only safe methods pass, and what a rule allows", why);
  require(is_safe(message.method) ? !has_body : by_rule, "a safe request with a body does not pass", why);
  require(!is_denied(rules, message.method, head, host), "nothing passes that a rule denies", why);
  for (const std::string& method : all_overrides(message, rules)) {
    require(may_be(upper(method)), "an override never makes the verdict milder", why);
    require(!is_denied(rules, upper(method), head, host), "no override passes that a rule denies", why);
  }
  require(!lists_websocket(message) || (by_rule && rules.websocket), "a handshake passes only by the rule", why);
  const bool is_operation = message.method != "OPTIONS" && head.has_query && !head.query.empty();
  for (const std::string& path : rules.graphql) {
    const bool is_there = reference::lower(reference::read_path(head.path, host)) == path;
    if (!is_there) continue;
    require(!has_body, "no body that nobody has looked into passes where GraphQL is", why);
    require(!is_operation || (head.path == path && begins_as_query(head.query)), "only queries of GraphQL pass", why);
  }
}

// Judged again as a host would get it.
void check_what_is_forwarded(const ReadOnlyConfig& rules, const RequestHead& original, ReadOnlyVerdict verdict) {
  if (original.is_websocket_handshake || original.authority.empty()) return;
  RequestHead head = original;
  remove_hop_by_hop(head.fields);
  BlockPool pool;
  SliceQueue out(pool);
  write_request_head(out, head);
  const std::unique_ptr<ReadRequest> again = read_one_request(text_of(out));
  require(again != nullptr, "what is forwarded is a request");
  require(passes_read_only(again->head, rules).verdict == verdict, "what is forwarded is judged alike");
}

void run(std::string_view bytes) {
  Input input(bytes);
  const ReadOnlyConfig rules = choose_rules(input);
  const reference::HostModel host = choose_host(input);
  const std::unique_ptr<ReadRequest> read = read_one_request(input.rest());
  if (read == nullptr) return;
  const auto reading = reference::read_request(input.rest(), reference::Strictness::received);
  reference::Message message = reading.message;
  message.target = read->head.target;
  const ReadOnlyVerdict verdict = passes_read_only(read->head, rules).verdict;
  require(verdict != ReadOnlyVerdict::passes_by_rule || !rules.allow.empty() || !rules.graphql.empty(),
          "without rules nothing passes by rule");
  if (verdict != ReadOnlyVerdict::refused) {
    check_what_passes(rules, read->head, message, host, verdict == ReadOnlyVerdict::passes_by_rule);
  }
  if (may_be_resent(read->head, rules)) {
    require(verdict == ReadOnlyVerdict::passes && is_safe(message.method) && !message.is_chunked &&
                message.length == 0 && !lists_websocket(message),
            "only what changes nothing may be re-sent");
  }
  check_what_is_forwarded(rules, read->head, verdict);
}

HALFDOOR_FUZZ_TARGET(read_only, run);

}  // namespace

}  // namespace halfdoor::fuzz
