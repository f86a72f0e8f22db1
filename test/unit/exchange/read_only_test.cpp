// What read-only lets pass: the rows of "Ways round the read-only mode" that are decided on the head.
#include "exchange/read_only.h"

#include <catch2/catch.hpp>

#include "test/unit/exchange/parsed_request.h"

namespace halfdoor {
namespace {

Rule rule(std::string_view text) {
  Result<Rule> parsed = Rule::parse(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

ReadOnlyConfig salon_rules() {
  ReadOnlyConfig rules;
  for (std::string_view text : {"POST /login", "POST /availability/search", "PUT /files/**",
                                "POST /index.php?action=find", "POST /deep/*/ok", "DELETE /drafts/*"}) {
    rules.allow.push_back(rule(text));
  }
  for (std::string_view text :
       {"GET /bookings/*/cancel", "GET /index.php?action=delete", "POST /deep/secret/ok", "PUT /files/locked/**"}) {
    rules.deny.push_back(rule(text));
  }
  return rules;
}

// "passes", "by rule" or the reason of the refusal; "ill-formed" where the codec refuses.
std::string verdict_of(std::string_view line, std::string_view fields, const ReadOnlyConfig& rules) {
  const auto request = parse_request(line, fields);
  if (!request->is_valid()) return "ill-formed";
  const ReadOnlyDecision decision = passes_read_only(request->head(), rules);
  const bool is_plain = decision.verdict == ReadOnlyVerdict::passes;
  // In whatever way it came about: what needs a rule, has a body or asks for a tunnel is never sent twice.
  CHECK(may_be_resent(request->head(), rules) ==
        (is_plain && !request->head().has_body() && !request->head().is_websocket_handshake));
  if (is_plain) return "passes";
  return decision.verdict == ReadOnlyVerdict::passes_by_rule ? "by rule" : std::string(decision.why);
}

struct Row {
  std::string_view line;
  std::string_view fields;
  std::string_view verdict;
};

void check_rows(const std::vector<Row>& rows, const ReadOnlyConfig& rules) {
  for (const Row& row : rows) {
    INFO(row.line << "\n" << row.fields);
    CHECK(verdict_of(row.line, row.fields, rules) == row.verdict);
  }
}

constexpr std::string_view kBody = "Content-Length: 5\n";
constexpr std::string_view kChunked = "Transfer-Encoding: chunked\n";
constexpr std::string_view kWebsocket =
    "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n";

}  // namespace

TEST_CASE("passes_only_get_head_and_options_without_rules") {
  check_rows({{"GET /", "", "passes"},
              {"HEAD /bookings/5", "", "passes"},
              {"OPTIONS /bookings", "", "passes"},
              {"OPTIONS *", "", "passes"},
              {"GET /a?x=1&y=2", "", "passes"},
              {"GET /", "Content-Length: 0\n", "passes"}},
             {});
  for (std::string_view method :
       {"POST",    "PUT",      "PATCH",     "DELETE", "MKCOL",  "COPY",   "MOVE",     "LOCK",
        "UNLOCK",  "PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "QUERY",  "PURGE",    "LINK",
        "UNLINK",  "BREW",     "post",      "Post",   "get",    "Get",    "GETX",     "HEAd",
        "options", "G!T",      "M-SEARCH",  "ACL",    "BIND",   "UPDATE", "CHECKOUT", "PRI"}) {
    INFO(method);
    CHECK(verdict_of(std::string(method) + " /", "", {}) == "method");
  }
}

TEST_CASE("refuses_a_safe_request_with_a_body") {
  for (std::string_view method : {"GET", "HEAD", "OPTIONS"}) {
    for (std::string_view framing : {kBody, kChunked}) {
      INFO(method << " " << framing);
      CHECK(verdict_of(std::string(method) + " /", framing, {}) == "body");
      CHECK(verdict_of(std::string(method) + " /", std::string(framing) + "Content-Type: text/plain\n", {}) == "body");
    }
  }
}

TEST_CASE("lets_allow_rules_pass_once_but_never_again") {
  check_rows({{"POST /login", "", "by rule"},
              {"POST /login", "Content-Length: 0\n", "by rule"},
              {"POST /login?next=/home", "", "by rule"},
              {"POST /availability/search", "Content-Length: 4\nContent-Type: text/plain\n", "by rule"},
              {"PUT /files/a/b/c", "", "by rule"},
              {"DELETE /drafts/7", "", "by rule"},
              {"PUT /login", "", "method"},
              {"post /login", "", "method"},
              {"POST /logout", "", "method"},
              {"PUT /files/", "", "method"},
              {"PUT /files", "", "method"},
              {"DELETE /drafts", "", "method"},
              {"DELETE /drafts/7/8", "", "method"}},
             salon_rules());
}

TEST_CASE("deny_beats_allow") {
  check_rows({{"POST /deep/other/ok", "", "by rule"},
              {"POST /deep/secret/ok", "", "deny rule"},
              {"PUT /files/locked/x", "", "deny rule"},
              {"PUT /files/locked", "", "deny rule"},
              {"PUT /files/Locked/x", "", "deny rule"},
              {"PUT /files/unlocked/x", "", "by rule"}},
             salon_rules());
}

TEST_CASE("refuses_a_get_that_writes_and_its_head") {
  check_rows({{"GET /bookings/5/cancel", "", "deny rule"},
              {"HEAD /bookings/5/cancel", "", "deny rule"},
              {"OPTIONS /bookings/5/cancel", "", "passes"},
              {"GET /bookings/5", "", "passes"},
              {"GET /bookings/5/cancellation", "", "passes"},
              {"GET /bookings/5/6/cancel", "", "passes"},
              {"GET /index.php?action=delete", "", "deny rule"},
              {"GET /index.php?action=show", "", "passes"},
              {"GET /index.php", "", "passes"}},
             salon_rules());
}

TEST_CASE("refuses_a_delete_hidden_in_a_method_override_field") {
  for (std::string_view name :
       {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override", "X-Http-METHOD"}) {
    for (std::string_view value : {"DELETE", "delete", "POST", "PUT", "GET, DELETE", "DELETE,GET", "GET,,DELETE",
                                   "GETX", "\"GET\"", "", ",", "GET;DELETE", "GET DELETE", "_", "TRACE", "CONNECT"}) {
      const std::string field = std::string(name) + ": " + std::string(value) + "\n";
      INFO(field);
      CHECK(verdict_of("GET /", field, {}) == "override");
      CHECK(verdict_of("HEAD /x", field, {}) == "override");
      CHECK(verdict_of("POST /login", field, salon_rules()) == (value == "POST" ? "by rule" : "override"));
    }
    for (std::string_view value : {"GET", "get", "Head", "OPTIONS", "GET, HEAD", " GET ", "GET,"}) {
      const std::string field = std::string(name) + ": " + std::string(value) + "\n";
      INFO(field);
      CHECK(verdict_of("GET /", field, {}) == "passes");
      CHECK(verdict_of("POST /", field, {}) == "method");
      CHECK(verdict_of("POST /login", field, salon_rules()) == "by rule");
    }
  }
}

TEST_CASE("override_fields_in_disguise_are_ill_formed") {
  for (std::string_view name :
       {"X_HTTP_Method_Override", "X_HTTP_METHOD", "x_method_override", "X.HTTP.Method", "X-HTTP_Method-Override"}) {
    INFO(name);
    CHECK(verdict_of("GET /", std::string(name) + ": DELETE\n", {}) == "ill-formed");
  }
}

TEST_CASE("judges_each_override_field_line") {
  check_rows({{"GET /", "X-HTTP-Method: GET\nX-HTTP-Method: DELETE\n", "override"},
              {"GET /", "X-HTTP-Method: DELETE\nX-HTTP-Method: GET\n", "override"},
              {"GET /", "X-HTTP-Method: GET\nX-Method-Override: PATCH\n", "override"},
              {"GET /?_method=get", "X-HTTP-Method: GET\nX-Method-Override: head\n", "passes"},
              {"GET /?_method=put", "X-HTTP-Method: GET\n", "override"}},
             {});
}

TEST_CASE("an_override_can_only_make_the_verdict_stricter") {
  check_rows({{"POST /bookings", "X-HTTP-Method-Override: GET\n", "method"},
              {"POST /bookings?_method=GET", "", "method"},
              {"DELETE /drafts/7", "X-HTTP-Method-Override: GET\n", "by rule"},
              {"GET /drafts/7", "X-HTTP-Method-Override: DELETE\n", "by rule"},
              {"GET /drafts/7", "X-HTTP-Method-Override: delete\n", "by rule"},
              {"GET /drafts/7?_method=PUT", "X-HTTP-Method-Override: DELETE\n", "override"},
              {"GET /login", "X-HTTP-Method-Override: POST\n", "by rule"},
              // The method that the override names is denied on this path.
              {"OPTIONS /bookings/5/cancel", "X-HTTP-Method-Override: GET\n", "override"},
              {"GET /deep/secret/ok", "X-HTTP-Method-Override: post\n", "override"}},
             salon_rules());
}

TEST_CASE("refuses_a_method_parameter_in_any_spelling") {
  for (std::string_view query : {"_method=DELETE",
                                 "_method=delete",
                                 "_METHOD=DELETE",
                                 "_Method=put",
                                 "%5Fmethod=DELETE",
                                 "%5fmethod=DELETE",
                                 "_%6dethod=DELETE",
                                 "%5F%6D%65%74%68%6F%64=DELETE",
                                 "%255Fmethod=DELETE",
                                 "%25255Fmethod=DELETE",
                                 "_method[]=DELETE",
                                 "_method%5B%5D=DELETE",
                                 "_method[0]=DELETE",
                                 "_method[a][b]=DELETE",
                                 "_method%5b0%5d=DELETE",
                                 "_method=GET&_method=DELETE",
                                 "_method=DELETE&_method=GET",
                                 "a=1&_method=DELETE",
                                 "a=1&&_method=DELETE",
                                 "&_method=DELETE",
                                 "a=1;_method=DELETE",
                                 ";_method=DELETE",
                                 "_method=GET;_method=DELETE",
                                 "_method=GET;x",
                                 "_method",
                                 "_method=",
                                 "_method&a=1",
                                 "+_method=DELETE",
                                 "%20_method=DELETE",
                                 "_method+=DELETE",
                                 "_method%20=DELETE",
                                 ".method=DELETE",
                                 "[method=DELETE",
                                 "%5Bmethod=DELETE",
                                 "_method%00=DELETE",
                                 "_method%00x=DELETE",
                                 "%0A_method=DELETE",
                                 "_method=%44ELETE",
                                 "_method=GET%20DELETE",
                                 "_method=GET%00",
                                 "_method=%2547ET",
                                 "_method=GET,DELETE",
                                 "_method==GET",
                                 "a&_method=POST",
                                 "_method=GETX",
                                 "%09_method%09=PATCH"}) {
    INFO(query);
    CHECK(verdict_of("GET /x?" + std::string(query), "", {}) == "override");
    CHECK(verdict_of("POST /login?" + std::string(query), "", {}) == "method");
    const bool is_post = query.find("POST") != std::string_view::npos;
    CHECK(verdict_of("POST /login?" + std::string(query), "", salon_rules()) == (is_post ? "by rule" : "override"));
  }
}

TEST_CASE("lets_harmless_parameters_pass") {
  for (std::string_view query : {"_method=GET",
                                 "_method=get",
                                 "_method=%47ET",
                                 "_method=+GET+",
                                 "_method[]=head",
                                 "%5Fmethod=OPTIONS",
                                 "method=DELETE",
                                 "__method=DELETE",
                                 "_methods=DELETE",
                                 "x_method=DELETE",
                                 "a=_method=DELETE",
                                 "a=_method",
                                 "a[_method]=DELETE",
                                 "",
                                 "a",
                                 "=DELETE",
                                 "&&;;",
                                 "q=%",
                                 "q=%zz",
                                 "%=1",
                                 "method_=DELETE",
                                 "_metho=d",
                                 "return=%2F%3F_method%3DDELETE",
                                 "%D0%BC%D0%B5%D1%82=1",
                                 "_-method=DELETE",
                                 "-method=DELETE"}) {
    INFO(query);
    CHECK(verdict_of("GET /x?" + std::string(query), "", {}) == "passes");
  }
}

TEST_CASE("takes_further_override_names_as_fields_and_parameters") {
  ReadOnlyConfig rules;
  CHECK(verdict_of("GET /?verb=DELETE", "X-Verb: DELETE\n", rules) == "passes");
  rules.override_names = {"verb", "X-Verb", "http_method"};
  check_rows({{"GET /?verb=DELETE", "", "override"},
              {"GET /?VERB[]=DELETE", "", "override"},
              {"GET /?v%65rb=DELETE", "", "override"},
              {"GET /?http.method=DELETE", "", "override"},
              {"GET /?verb=GET", "", "passes"},
              {"GET /", "X-Verb: DELETE\n", "override"},
              {"GET /", "x_verb: DELETE\n", "override"},
              {"GET /", "Verb: PUT\n", "override"},
              {"GET /", "HTTP-Method: PUT\n", "override"},
              {"GET /", "X-Verb: get\n", "passes"},
              {"GET /", "X-Verbs: PUT\n", "passes"},
              {"GET /?_method=PUT", "", "override"}},
             rules);
  // Also one that the proxy knows for another reason.
  rules.override_names = {"X-Requested-With"};
  CHECK(verdict_of("GET /", "X-Requested-With: DELETE\n", rules) == "override");
}

TEST_CASE("expect_and_trailers_change_nothing") {
  check_rows({{"POST /bookings", "Expect: 100-continue\nContent-Length: 4\n", "method"},
              {"POST /login", "Expect: 100-continue\nContent-Type: text/plain\nContent-Length: 4\n", "by rule"},
              {"GET /", "Expect: 100-continue\nContent-Length: 4\n", "body"},
              {"POST /bookings", "TE: trailers\nTrailer: X-HTTP-Method\nTransfer-Encoding: chunked\n", "method"}},
             salon_rules());
}

TEST_CASE("refuses_websocket_handshakes_unless_they_are_wanted") {
  ReadOnlyConfig rules = salon_rules();
  CHECK(verdict_of("GET /live", kWebsocket, rules) == "websocket");
  CHECK(verdict_of("GET /live", "Connection: upgrade\nUpgrade: h2c, WebSocket\n", rules) == "websocket");
  CHECK(verdict_of("POST /login", kWebsocket, rules) == "websocket");
  rules.websocket = true;
  CHECK(verdict_of("GET /live", kWebsocket, rules) == "by rule");
  CHECK(verdict_of("POST /live", kWebsocket, rules) == "method");
  CHECK(verdict_of("GET /bookings/5/cancel", kWebsocket, rules) == "deny rule");
  CHECK(verdict_of("GET /live?_method=PUT", kWebsocket, rules) == "override");
  // Other upgrades are removed by the data path and the rest is judged.
  CHECK(verdict_of("GET /live", "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk\n",
                   rules) == "passes");
}

TEST_CASE("refuses_fields_that_name_another_path_where_rules_look_at_the_path") {
  check_rows({{"GET /", "X-Original-URL: /bookings/5/cancel\n", "passes"},
              {"GET /", "X-Rewrite-URL: /bookings/5/cancel\n", "passes"}},
             {});
  check_rows({{"GET /", "X-Original-URL: /bookings/5/cancel\n", "path override"},
              {"GET /", "X-Rewrite-URL: /bookings/5/cancel\n", "path override"},
              {"GET /", "x_rewrite_url: /bookings/5/cancel\n", "path override"},
              {"POST /login", "X-Original-URL: /bookings\n", "path override"},
              {"POST /login", "X-Original-URL: /login\n", "by rule"},
              {"GET /a?b=c", "X-Original-URL: /a?b=c\n", "passes"}},
             salon_rules());
}

TEST_CASE("judges_the_path_of_an_absolute_target") {
  check_rows({{"GET http://www.salon.example/bookings/5/cancel", "", "deny rule"},
              {"POST http://www.salon.example/login", "", "by rule"},
              {"POST http://www.salon.example//login", "", "method"},
              {"GET http://www.salon.example?_method=PUT", "", "override"}},
             salon_rules());
}

TEST_CASE("a_handshake_is_no_write_unless_more_than_its_upgrade_speaks_against_it") {
  ReadOnlyConfig rules;
  rules.deny = {rule("GET /bookings/*/cancel")};
  rules.allow = {rule("POST /login")};
  const std::string handshake(kWebsocket);
  const auto is_mere = [&](std::string_view line, const std::string& fields) {
    return is_mere_handshake(parse_request(line, fields)->head(), rules);
  };
  CHECK(is_mere("GET /live", handshake));
  CHECK(is_mere("GET /live?x=1", handshake));
  CHECK_FALSE(is_mere("GET /live", ""));
  CHECK_FALSE(is_mere("GET /bookings/5/cancel", handshake));
  CHECK_FALSE(is_mere("POST /live", handshake));
  CHECK_FALSE(is_mere("POST /login", handshake));
  CHECK_FALSE(is_mere("GET /live", handshake + "X-HTTP-Method-Override: PUT\n"));
  CHECK_FALSE(is_mere("GET /live?_method=DELETE", handshake));
  CHECK_FALSE(is_mere("GET /live", handshake + "Content-Length: 1\n"));
}

}  // namespace halfdoor
