// Requests to a path that is listed as GraphQL: whatever some host would take for a mutation or a subscription, in a
// body of JSON or of a document, in a batch or in the query of the target, never passes.
#include <algorithm>

#include "exchange/read_only.h"
#include "fuzz/path_input.h"
#include "fuzz/reference/lenient_body.h"

namespace halfdoor::fuzz {

namespace {

enum class Form : uint8_t { json, document, target };

std::string wire_of(Form form, std::string_view text) {
  if (form == Form::target) return "GET /graphql?" + std::string(text) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  return "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/" +
         std::string(form == Form::json ? "json" : "graphql") + "\r\nContent-Length: " + std::to_string(text.size()) +
         "\r\n\r\n";
}

std::vector<std::string> documents_in(Form form, std::string_view text) {
  if (form == Form::document) return {std::string(text)};
  std::vector<std::string> documents;
  const reference::Parameters parameters =
      form == Form::json ? reference::read_json(text) : reference::read_urlencoded(text, 1);
  for (const auto& [name, value] : parameters) {
    if (name == "query") documents.push_back(value);
  }
  return documents;
}

void run(std::string_view bytes) {
  Input input(bytes);
  const auto form = static_cast<Form>(input.choose(3));
  const reference::GraphqlHost host{!input.flag(), input.flag(), input.flag()};
  const std::string_view text = input.rest();
  ReadOnlyConfig rules;
  rules.graphql = {"/graphql"};
  const std::unique_ptr<ReadRequest> read = read_one_request(wire_of(form, text));
  if (read == nullptr || text.empty()) return;
  const BodyFindings findings = inspect_body(read->head, form == Form::target ? std::string_view{} : text, rules);
  const ReadOnlyDecision decision = passes_read_only(read->head, rules, &findings);
  require(!may_be_resent(read->head, rules) || form == Form::target, "a request with a body is never re-sent");
  if (decision.verdict == ReadOnlyVerdict::refused) return;
  require(form == Form::target || decision.verdict == ReadOnlyVerdict::passes_by_rule, "a POST passes by rule at most");
  for (const std::string& document : documents_in(form, text)) {
    const std::vector<std::string> definitions = reference::read_graphql_definitions(document, host);
    for (const std::string& definition : definitions) {
      require(definition == "query" || definition == "fragment", "nothing but queries passes",
              [&] { return printable(definition + " in " + document); });
    }
    require(std::find(definitions.begin(), definitions.end(), "query") != definitions.end(),
            "what passes has a query to execute", [&] { return printable(document); });
  }
}

HALFDOOR_FUZZ_TARGET(graphql, run);

}  // namespace

}  // namespace halfdoor::fuzz
