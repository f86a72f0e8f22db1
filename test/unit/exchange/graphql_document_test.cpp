#include "exchange/graphql_document.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace halfdoor {
namespace {

std::string kind_of(std::string_view document) {
  switch (read_graphql_document(document)) {
    case GraphqlDocument::queries: return "queries";
    case GraphqlDocument::other: return "other";
    case GraphqlDocument::unreadable: break;
  }
  return "unreadable";
}

}  // namespace

TEST_CASE("reads_queries_of_every_shape") {
  for (std::string_view document : {
           "{a}",
           "{ a b c }",
           "{a,b,,c}",
           "query {a}",
           "query Q {a}",
           "query query {query}",
           "query mutation {mutation subscription: subscription}",
           "query fragment {on fragment true false null}",
           "{a:b}",
           "{a:b{c:d}}",
           "{a(b:1)}",
           "{a(b:-0 c:-1.5e+10 d:0.5 e:1E3 f:1e-9)}",
           "{a(b:\"\" c:\"x\\\"y\\\\ \\/\\b\\f\\n\\r\\t\\u00e9\" d:\"#{}\")}",
           "{a(b:true c:null d:ENUM e:$v f:[] g:[1 2,[3]] h:{} i:{j:{k:$l}})}",
           "{a(b:\"\"\"block \" \"\" \\\"\"\" \n\r\n }{ \\ \"\"\")}",
           "{a(b:\"\"\"\"\"\")}",
           "{a @include(if: $b) @skip(if:false) @c}",
           "query Q($a: Int) {a}",
           "query Q($a: Int! = 5 @d, $b: [String!]! = [\"x\"], $c: [[In]] = {a:1}) @dir(x:1) {a}",
           "query ($a:Int){a}",
           "query @live {a}",
           "query Q($ a : Int) {a(b: $ a)}",
           "{...F ...G @d}fragment F on T {a} fragment G on U @e {b}",
           "fragment F on T {a} {...F}",
           "fragment mutation on subscription {a} {...mutation}",
           "fragment fragment on on {a} {...fragment}",
           "{... on T {a} ... {b} ... @c {d} ...on T@x{a}}",
           "{a}{b}",
           "query A{a} query B{b}",
           "{a} # mutation {b}",
           "#mutation {b}\n{a}",
           "# x\r{a}#",
           "\xef\xbb\xbf{a}",
           "\xef\xbb\xbf{\xef\xbb\xbf a }\xef\xbb\xbf",
           "\t\r\n {a}\n",
           "{a(b:\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\")} # \xc3\xa9",
           "{_ __typename _1 A1}",
           "query IntrospectionQuery { __schema { queryType { name } types { ...T } } } fragment T on __Type { kind "
           "name "
           "ofType { kind ofType { kind ofType { name } } } }",
       }) {
    INFO(document);
    CHECK(kind_of(document) == "queries");
  }
}

TEST_CASE("finds_operations_that_are_no_queries") {
  for (std::string_view document :
       {"mutation {a}", "mutation M {a}", "mutation M($a:Int){a(b:$a)}", "subscription {a}", "{a} mutation {b}",
        "mutation {b} {a}", "query A{a} mutation B{b}", "query A{a} subscription B{b}",
        "fragment F on T{a} mutation{b}", "#{a}\nmutation{b}", "# x\rmutation{b}", ",mutation,{b}",
        "\xef\xbb\xbfmutation{b}", "mutation", "{a}mutation"}) {
    INFO(document);
    CHECK(kind_of(document) == "other");
  }
}

TEST_CASE("refuses_what_is_no_executable_document") {
  using namespace std::string_view_literals;
  for (std::string_view document : std::vector<std::string_view>{
           "",
           " ",
           "#{a}",
           "{}",
           "{a",
           "a}",
           "{a}}",
           "{{a}}",
           "query",
           "query Q",
           "query Q Q {a}",
           "query{}",
           "Query {a}",
           "QUERY {a}",
           "Mutation {a}",
           "MUTATION {a}",
           "querymutation {a}",
           "fragment F on T {a}",
           "fragment on on T {a} {b}",
           "fragment F T {a} {b}",
           "fragment F on T {b} fragment",
           "fragment F($a:Int) on T {a} {b}",
           "schema {query: Q}",
           "type Q {a: Int}",
           "{a} type Q {a: Int}",
           "{a} extend type Q {a: Int}",
           "\"described\" query {a}",
           "\"\"\"described\"\"\" {a}",
           "{a} \"x\"",
           "{a} 1",
           "{a} $",
           "{a} query",
           "{a()}",
           "{a(b)}",
           "{a(b:)}",
           "{a(b:1}",
           "{a(b:[1)}",
           "{a(b:{c})}",
           "{a(b:$)}",
           "{a:}",
           "{:a}",
           "{...}",
           "{... on {a}}",
           "{...on}",
           "{a @}",
           "{a b:c:d}",
           "query () {a}",
           "query ($a) {a}",
           "query ($a:) {a}",
           "query ($a:[Int) {a}",
           "query ($a:Int=) {a}",
           "query Q($a:Int!!) {a}",
           "{a(b:01)}",
           "{a(b:1.)}",
           "{a(b:.5)}",
           "{a(b:1e)}",
           "{a(b:1x)}",
           "{a(b:1.5.6)}",
           "{a(b:+1)}",
           "{a(b:--1)}",
           "{a(b:0x1F)}",
           "{a(b:\"x)}",
           "{a(b:\"x\ny\")}",
           "{a(b:\"\\x\")}",
           "{a(b:\"\\u00g0\")}",
           "{a(b:\"\\u12\")}",
           "{a(b:\"\\u{61}\")}",
           "{a(b:\"\\",
           "{a(b:'x')}",
           "{a(b:\"\"\"x\"\")}",
           "{a(b:\"\"\"x\\\"\"\")}",
           "{a.b}",
           "{a..b}",
           "{a;b}",
           "{a?}",
           "{a-b}",
           "{a/b}",
           "/* x */ {a}",
           "// x\n{a}",
           "{a}\0mutation{b}"sv,
           "\0{a}"sv,
           "{a}\x1b",
           "{a}\x0bmutation{b}",
           "{a}\x0c",
           "# \x0c\n{a}",
           "{a}\x7f",
           "{a # \xc2\x85 b\n}",
           "{a} # \xe2\x80\xa8mutation{b}",
           "{a} # \xe2\x80\xa9mutation{b}",
           "{a\xc2\xa0}",
           "{\xc3\xa9}",
           "{a} # \xff",
           "{a} # \xc3",
           "{a} # \xc0\x8amutation{b}",
           "{a} # \xe0\x80\x8amutation{b}",
           "{a} # \xed\xa0\x80",
           "{a} # \xf4\x90\x80\x80",
           "\xff\xfe{\0a\0}\0"sv,
           "{\0a\0}\0"sv,
           "query+{a}",
           "query%20{a}",
       }) {
    INFO(document);
    CHECK(kind_of(document) == "unreadable");
  }
}

TEST_CASE("refuses_block_strings_behind_which_older_hosts_find_a_mutation") {
  // To a host of before 2018 the first list has the strings "" and ",", and what follows is another operation.
  CHECK(kind_of("query A{a(x:[\"\"\",\"])} mutation B{b} #\"\"\"])}") == "unreadable");
  CHECK(kind_of("query A{a(x:[\"\"\",\"])} subscription B{b} #\"\"\"])}") == "unreadable");
  CHECK(kind_of("query A{a(x:[\"\"\",\"])} query B{b} #\"\"\"])}") == "queries");
  CHECK(kind_of("query A{a(x:[\"\"\",\"])} extend B{b} #\"\"\"])}") == "unreadable");
  CHECK(kind_of("{a(x:\"\"\"say \"b\" \"\"\")}") == "queries");
  // To such a host this one does not end its string.
  CHECK(kind_of("{a(x:\"\"\"\nmutation\n\"\"\")}") == "queries");
  CHECK(kind_of("{a(x:\"\"\"mutation\"\"\")}") == "queries");
}

TEST_CASE("depth_and_tokens_are_bounded") {
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "{a";
    return text + std::string(depth, '}');
  };
  CHECK(kind_of(nested(kMostGraphqlDepth)) == "queries");
  CHECK(kind_of(nested(kMostGraphqlDepth + 1)) == "unreadable");
  for (std::string_view piece :
       {"{a", "[", "{a:", "{a(b:[", "$", "{a(b:{c:", "...", "((", "@", "\"\"\"\\", "query($a:["}) {
    for (std::string_view start : {"", "{a(b:", "query($a:"}) {
      std::string text(start);
      while (text.size() < 300'000) text += piece;
      CHECK(kind_of(text) == "unreadable");
    }
  }
  const auto fields = [](size_t count) {
    std::string text = "{";
    for (size_t i = 0; i < count; ++i) text += "a ";
    return text + "}";
  };
  // The braces and the end are tokens too.
  CHECK(kind_of(fields(kMostGraphqlTokens - 3)) == "queries");
  CHECK(kind_of(fields(kMostGraphqlTokens)) == "unreadable");
}

TEST_CASE("whatever_stands_around_a_mutation_it_is_never_read_as_queries_alone") {
  // Pieces that leave every bracket closed and no string or comment open, in any order around a mutation.
  constexpr std::string_view kPieces[] = {"{a}",
                                          "query Q{b(c:\"}\")}",
                                          "fragment F on T{a}",
                                          " ",
                                          ",",
                                          "#x\n",
                                          "\xef\xbb\xbf",
                                          "{a(b:\"\"\"{\"\"\")}",
                                          "query($a:[Int!]=[1]){a}",
                                          "{...on T{a}}",
                                          "#\"\"\"\r",
                                          "{a(b:\"\\\"\")}",
                                          "{a(b:\"\"\"\\\"\"\"\"\"\")}"};
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const auto add_some = [&] {
      for (unsigned pieces = random() % 5; pieces > 0; --pieces) text += kPieces[random() % std::size(kPieces)];
    };
    add_some();
    text += round % 2 == 0 ? " mutation{a}" : " subscription S{a}";
    add_some();
    INFO(text);
    REQUIRE(kind_of(text) != "queries");
  }
}

TEST_CASE("changing_any_byte_of_a_document_never_crashes_and_never_turns_a_mutation_into_a_query") {
  const std::string mutation = "mutation M($a: Int = 1) @d { a(b: [\"x\", {c: $a}]) { ...F } } fragment F on T { a }";
  for (size_t at = 0; at < mutation.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = mutation;
      text[at] = static_cast<char>(byte);
      // A comment sign in front leaves a fragment alone at most, and a name elsewhere is still that of a mutation.
      REQUIRE(kind_of(text) != "queries");
      REQUIRE(kind_of(text.substr(0, at) + static_cast<char>(byte)) != "queries");
    }
  }
}

}  // namespace halfdoor
