#include "exchange/graphql_request.h"

#include <catch2/catch.hpp>

namespace halfdoor {
namespace {

bool passes(std::string_view body, std::string_view type = "application/json") {
  FieldList fields;
  fields.add(FieldId::content_type, "Content-Type", type);
  return has_only_graphql_queries(fields, body);
}

std::string url(std::string_view query, const std::vector<std::string>& override_names = {}) {
  switch (read_graphql_parameters(query, override_names)) {
    case GraphqlParameters::none: return "none";
    case GraphqlParameters::queries: return "queries";
    case GraphqlParameters::refused: break;
  }
  return "refused";
}

// Of "{a}".
const std::string kHash = "460c3a93211614ac783c0f1d1bbbcb45a6da87d6421b5c0771772588f1015ff8";

}  // namespace

TEST_CASE("json_passes_with_one_query_and_the_members_that_belong_to_it") {
  for (std::string_view body :
       {R"({"query":"{a}"})", R"( { "query" : "query Q($v:Int){a(b:$v)}" , "variables" : {"v":[1,{"x":null}]} } )",
        R"({"operationName":"Q","query":"query Q{a}","variables":null,"extensions":null})",
        R"({"query":"{a}","operationName":null,"extensions":{"clientLibrary":{"name":"x","version":"1"}}})",
        R"({"variables":{"query":"mutation{a}"},"query":"{a}"})", R"({"query":"{a}","variables":{}})",
        R"({"query":"\u007ba\u007d"})", R"({"qu\u0065ry":"{a}"})", R"([{"query":"{a}"},{"query":"{b}"}])",
        R"([{"query":"{a}"}])", "{\"query\":\"# x\\n{a}\"}", "\xef\xbb\xbf{\"query\":\"{a}\"}",
        R"({"query":"{a}","extensions":{"tracing":true,"x":[1,2.5],"persisted":5}})"}) {
    INFO(body);
    CHECK(passes(body));
  }
}

TEST_CASE("json_that_could_be_read_as_anything_else_is_refused") {
  using namespace std::string_view_literals;
  for (std::string_view body : {""sv,
                                " "sv,
                                "{}"sv,
                                "[]"sv,
                                "[[]]"sv,
                                "null"sv,
                                "\"{a}\""sv,
                                "5"sv,
                                "{a}"sv,
                                R"({"query":"mutation{a}"})"sv,
                                R"({"query":"subscription{a}"})"sv,
                                R"({"query":"query A{a} mutation B{b}","operationName":"A"})"sv,
                                R"({"query":"\u006dutation{a}"})"sv,
                                R"({"query":""})"sv,
                                R"({"query":null})"sv,
                                R"({"query":5})"sv,
                                R"({"query":true})"sv,
                                R"({"query":["{a}"]})"sv,
                                R"({"query":{"query":"{a}"}})"sv,
                                R"({"query":"{a}","query":"mutation{a}"})"sv,
                                R"({"query":"mutation{a}","query":"{a}"})"sv,
                                R"({"query":"{a}","query":"{a}"})"sv,
                                R"({"query":"{a}","qu\u0065ry":"mutation{a}"})"sv,
                                R"({"query":"{a}","Query":"mutation{a}"})"sv,
                                R"({"Query":"{a}"})"sv,
                                R"({"query":"{a}","params":{"query":"mutation{a}"}})"sv,
                                R"({"params":{"query":"{a}"}})"sv,
                                R"({"query":"{a}","query\u0000":"mutation{a}"})"sv,
                                R"({"query":"{a}"," query":"mutation{a}"})"sv,
                                R"({"query":"{a}","query[]":"mutation{a}"})"sv,
                                R"({"query":"{a}","mutation":"mutation{a}"})"sv,
                                R"({"query":"{a}","document":"mutation{a}"})"sv,
                                R"({"query":"{a}","id":"5"})"sv,
                                R"({"query":"{a}","id":null})"sv,
                                R"({"query":"{a}","Query":null})"sv,
                                R"({"query":"{a}","doc_id":"5"})"sv,
                                R"({"query":"{a}","_method":"GET"})"sv,
                                R"({"query":"{a}","":1})"sv,
                                R"({"query":"{a}","operationName":5})"sv,
                                R"({"query":"{a}","operationName":["A"]})"sv,
                                R"({"query":"{a}","variables":"{}"})"sv,
                                R"({"query":"{a}","variables":[]})"sv,
                                R"({"query":"{a}","variables":5})"sv,
                                R"({"query":"{a}","extensions":"x"})"sv,
                                R"({"query":"{a}","variables":{},"variables":{}})"sv,
                                R"({"query":"{a}"} {"query":"mutation{a}"})"sv,
                                R"({"query":"{a}"}x)"sv,
                                R"({"query":"{a}",})"sv,
                                R"({"query":"{a}" /* x */})"sv,
                                "{\"query\":\"{a}\"} // x"sv,
                                "{'query':'{a}'}"sv,
                                "{query:\"{a}\"}"sv,
                                "{\"query\":\"{a}\n\"}"sv,
                                "{\"query\":\"{a}\"}\0{\"query\":\"mutation{a}\"}"sv,
                                "{\"query\":\"{a}\"}\0"sv,
                                "{\"query\":\"{a}\0\"}"sv,
                                R"({"query":"{a}\u0000"})"sv,
                                R"({"query":"{a} # \ud800"})"sv,
                                "{\"query\":\"{a} # \xff\"}"sv,
                                "\xff\xfe{\0\"\0q\0"sv,
                                "{\0\"\0q\0u\0e\0r\0y\0\"\0:\0"sv,
                                "+ADw-"sv,
                                R"([{"query":"{a}"},{"query":"mutation{b}"}])"sv,
                                R"([{"query":"mutation{b}"},{"query":"{a}"}])"sv,
                                R"([{"query":"{a}"},{}])"sv,
                                R"([{"query":"{a}"},null])"sv,
                                R"([{"query":"{a}"},[{"query":"{a}"}]])"sv,
                                R"([{"query":"{a}"},"x"])"sv,
                                R"([{"query":"{a}"}][])"sv,
                                R"([{"query":"{a}"}],)"sv,
                                R"([[{"query":"{a}"}]])"sv,
                                R"({"0":{"query":"{a}"}})"sv}) {
    INFO(body);
    CHECK_FALSE(passes(body));
  }
}

TEST_CASE("a_hash_passes_only_beside_the_text_it_is_of") {
  const auto with = [](std::string_view persisted, std::string_view query = R"("query":"{a}",)") {
    return passes("{" + std::string(query) + R"("extensions":{)" + std::string(persisted) + "}}");
  };
  // printf '{a}' | sha256sum
  const std::string right = R"("sha256Hash":")" + kHash + "\"";
  CHECK(with(R"("persistedQuery":{"version":1,)" + right + "}"));
  CHECK(with(R"("persistedQuery":{)" + right + "}"));
  CHECK(with(R"("x":{"sha256Hash":"0"},"persistedQuery":{"version":1,)" + right + "}"));
  CHECK_FALSE(with(R"("persistedQuery":{"version":1,)" + right + "}", ""));
  CHECK_FALSE(with(R"("persistedQuery":{"version":1,)" + right + "}", R"("query":"{b}",)"));
  for (const std::string& persisted :
       {std::string(R"("persistedQuery":{"version":1})"),
        std::string(R"("persistedQuery":{"version":1,"sha256Hash":"0"})"),
        R"("persistedQuery":{"version":1,"sha256Hash":"0",)" + right + "}",
        R"("persistedQuery":{)" + right + R"(,"sha256Hash":"0"})", R"("persistedQuery":{)" + right + R"(,"id":"0"})",
        R"("persistedQuery":{"version":"1",)" + right + "}", R"("persistedQuery":{"version":{},)" + right + "}",
        R"("persistedquery":{)" + right + "}", std::string(R"("persistedQuery":"0")"),
        std::string(R"("persistedQuery":["0"])"), std::string(R"("persistedQuery":5)"),
        std::string(R"("persistedQuery":null)"), std::string(R"("persistedQuery":{"sha256Hash":5})"),
        std::string(R"("persistedQuery":{"sha256Hash":null})"),
        R"("persistedQuery":{)" + right + R"(},"persistedQuery":{"sha256Hash":"0"})"}) {
    INFO(persisted);
    CHECK_FALSE(with(persisted));
  }
  // In a list each has its own.
  const std::string one = R"({"query":"{a}","extensions":{"persistedQuery":{)" + right + "}}}";
  CHECK(passes("[" + one + "," + one + R"(,{"query":"{b}"}])"));
  CHECK_FALSE(passes("[" + one + R"(,{"query":"{b}","extensions":{"persistedQuery":{)" + right + "}}}]"));
  CHECK_FALSE(passes("[" + one + R"(,{"extensions":{"persistedQuery":{)" + right + "}}}]"));
}

TEST_CASE("other_media_types_are_no_graphql_requests") {
  CHECK(passes("{a}", "application/graphql"));
  CHECK(passes("query Q{a}", "Application/GraphQL; charset=utf-8"));
  CHECK_FALSE(passes("mutation{a}", "application/graphql"));
  CHECK_FALSE(passes("", "application/graphql"));
  CHECK_FALSE(passes("{a}", "application/graphql; charset=utf-16"));
  CHECK_FALSE(passes(R"({"query":"{a}"})", "application/graphql"));
  CHECK_FALSE(passes("{a}", "application/json"));
  CHECK(passes(R"({"query":"{a}"})", "APPLICATION/json;charset=UTF-8"));
  CHECK_FALSE(passes(R"({"query":"{a}"})", "application/json; charset=utf-16"));
  for (std::string_view type : {"text/json", "application/graphql+json", "application/x-www-form-urlencoded",
                                "text/plain", "multipart/form-data; boundary=x", "", "application/vnd.api+json"}) {
    INFO(type);
    CHECK_FALSE(passes(R"({"query":"{a}"})", type));
    CHECK_FALSE(passes("{a}", type));
  }
  CHECK_FALSE(has_only_graphql_queries({}, R"({"query":"{a}"})"));
}

TEST_CASE("parameters_of_a_target") {
  for (std::string_view query : {"query={a}", "query=%7Ba%7D", "query=query+Q%7Ba%7D&operationName=Q",
                                 "query={a}&variables={}&extensions=%7B%7D", "query={a}&variables=",
                                 "variables=%7B%22query%22:%22mutation%7Ba%7D%22%7D&query={a}", "&query={a}&",
                                 "query=%23+x%0A{a}", "query={a}&_method=GET", "operationName=&query={a}"}) {
    INFO(query);
    CHECK(url(query) == "queries");
  }
  for (std::string_view query : {"", "&&", "_method=POST"}) CHECK(url(query) == "none");
  CHECK(url("verb=POST", {"verb"}) == "none");
  for (std::string_view query : {"query=",
                                 "query",
                                 "query=mutation{a}",
                                 "query=mutation%7Ba%7D",
                                 "query=%6Dutation%7Ba%7D",
                                 "query={a}&query=mutation{a}",
                                 "query=mutation{a}&query={a}",
                                 "query={a}&query={a}",
                                 "query={a}&Query=mutation{a}",
                                 "Query={a}",
                                 "%71uery={a}",
                                 "query={a}&%71uery=mutation{a}",
                                 "query[]={a}",
                                 "query={a}&query[]=mutation{a}",
                                 "query={a}&query%00=mutation{a}",
                                 "query={a};query=mutation{a}",
                                 "query={a};",
                                 "query={a}%00mutation{a}",
                                 "query={a}%",
                                 "query={a}%zz",
                                 "query=%257Ba%257D",
                                 "query={a(b:\"%2522)}mutation{b}%2523\")}",
                                 "operationName=Q",
                                 "variables={}",
                                 "extensions={}",
                                 "extensions={\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"0\"}}",
                                 "query={a}&extensions={\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"0\"}}",
                                 "query={a}&variables=[]",
                                 "query={a}&variables=x",
                                 "query={a}&variables={}{}",
                                 "query={a}&variables={}%00",
                                 "query={a}&extensions=5",
                                 "query={a}&variables={}&variables={}",
                                 "query={a}&id=5",
                                 "query={a}&doc_id=5",
                                 "query={a}&mutation=mutation{a}",
                                 "id=5",
                                 "x",
                                 "query={a}&x",
                                 "query={a}&=x",
                                 "+query={a}",
                                 "query+={a}",
                                 "batch=[]",
                                 "query=[{a}]"}) {
    INFO(query);
    CHECK(url(query) == "refused");
  }
}

}  // namespace halfdoor
