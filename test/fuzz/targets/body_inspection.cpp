// A body of a request that an `allow` rule passes: whatever a lenient host would take in it for an override of the
// method, or for another value of a rule's parameter, never passes; a body that nobody has looked into never passes.
#include <algorithm>

#include "exchange/read_only.h"
#include "fuzz/path_input.h"
#include "fuzz/reference/lenient_body.h"
#include "fuzz/strict_host.h"

namespace halfdoor::fuzz {

namespace {

std::string upper(std::string_view text) {
  std::string folded(text);
  while (!folded.empty() && static_cast<unsigned char>(folded.back()) <= 0x20) folded.pop_back();
  folded.erase(0, std::min(folded.find_first_not_of(" \t\r\n"), folded.size()));
  for (char& c : folded) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return folded;
}

struct Kind {
  bool is_urlencoded = false;
  bool is_multipart = false;
  bool is_json = false;
};

// By what stands in front of the parameters of the type, wherever: some hosts look for a part of it.
Kind kind_of(bool has_type, std::string_view type) {
  if (!has_type) return {true, false, false};
  const std::string essence = reference::lower(type.substr(0, type.find(';')));
  const auto has = [&](std::string_view part) { return essence.find(part) != std::string::npos; };
  return {has("x-www-form-urlencoded"), essence.starts_with("multipart/"), essence == "application/json"};
}

void check_parameters(const reference::Parameters& parameters, std::string_view kind, bool is_by_parameter) {
  for (const auto& [name, value] : parameters) {
    const auto why = [&, &found_name = name, &found_value = value] {
      return std::string(kind) + ": " + printable(found_name) + " = " + printable(found_value);
    };
    if (name == "_method" || name == "op") {
      require(is_safe(upper(value)) || upper(value) == "POST", "no override in a body makes the verdict milder", why);
    }
    require(!is_by_parameter || name != "by", "a body never has the parameter that a rule wants in the query", why);
  }
}

void run(std::string_view bytes) {
  Input input(bytes);
  const bool is_by_parameter = input.flag();
  const bool has_type = !input.flag();
  const std::string type(input.line());
  const std::string_view body = input.rest();
  ReadOnlyConfig rules;
  rules.allow = {*Rule::parse("POST /login"), *Rule::parse("POST /find?by=name")};
  rules.override_names = {"op"};
  const std::string wire = "POST " + std::string(is_by_parameter ? "/find?by=name" : "/login") +
                           " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                           (has_type ? "Content-Type: " + type + "\r\n" : "") + "\r\n";
  const std::unique_ptr<ReadRequest> read = read_one_request(wire);
  if (read == nullptr || body.empty()) return;

  const ReadOnlyDecision unseen = passes_read_only(read->head, rules);
  const BodyFindings findings = inspect_body(read->head, body, rules);
  const ReadOnlyDecision decision = passes_read_only(read->head, rules, &findings);
  require(!decision.needs_body, "a body is inspected once");
  require(!unseen.needs_body || unseen.verdict == ReadOnlyVerdict::refused, "what nobody has looked into is refused");
  if (!unseen.needs_body) {
    require(decision.verdict == unseen.verdict, "where the head decides, the body changes nothing");
  }
  require(decision.verdict != ReadOnlyVerdict::passes, "a write passes by rule at most");
  require(!may_be_resent(read->head, rules), "a write is never re-sent");
  if (decision.verdict == ReadOnlyVerdict::refused) return;

  const Kind kind = kind_of(has_type, type);
  for (const unsigned decodings : {1U, 2U}) {
    reference::Parameters parameters = reference::read_urlencoded(body, decodings);
    // The value is decoded once by whoever acts on it.
    if (decodings == 2) {
      for (auto& [name, value] : parameters) value = is_safe(upper(value)) ? value : "POST";
    }
    if (kind.is_urlencoded) check_parameters(parameters, "urlencoded", is_by_parameter);
  }
  if (kind.is_multipart) check_parameters(reference::read_multipart(type, body), "multipart", is_by_parameter);
  if (kind.is_json) check_parameters(reference::read_json(body), "JSON", is_by_parameter);
}

HALFDOOR_FUZZ_TARGET(body_inspection, run);

}  // namespace

}  // namespace halfdoor::fuzz
