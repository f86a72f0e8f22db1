// Accept and Accept-Language, honest and hostile (RFC 9110 12.5).
#include <catch2/catch.hpp>

#include "http/semantics.h"

namespace halfdoor::test {
namespace {

constexpr std::string_view kTypes[] = {"text/html", "application/problem+json", "text/plain"};
constexpr std::string_view kLanguages[] = {"en", "de", "fr", "de-ch", "zh-hant"};

// The chosen type; "none" if there is none.
std::string_view type(std::initializer_list<std::string_view> accepts) {
  FieldList fields;
  for (const std::string_view value : accepts) fields.add("Accept", value);
  const auto chosen = negotiate_type(fields, kTypes, std::size(kTypes));
  return chosen ? kTypes[*chosen] : "none";
}
std::string_view language(std::initializer_list<std::string_view> accepts) {
  FieldList fields;
  for (const std::string_view value : accepts) fields.add("Accept-Language", value);
  const auto chosen = negotiate_language(fields, kLanguages, std::size(kLanguages));
  return chosen ? kLanguages[*chosen] : "none";
}

}  // namespace

TEST_CASE("chooses the type that Accept prefers") {
  CHECK(type({"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}) == "text/html");
  CHECK(type({"application/problem+json"}) == "application/problem+json");
  CHECK(type({"text/html;q=0.5, text/plain"}) == "text/plain");
  CHECK(type({"text/html;q=0.5", "text/plain;q=0.4"}) == "text/html");
  CHECK(type({"TEXT/Plain"}) == "text/plain");
  CHECK(type({"text/*"}) == "text/html");
  CHECK(type({"text/*, text/html;q=0.1"}) == "text/plain");
  CHECK(type({"application/*;q=0.9, text/*;q=0.8"}) == "application/problem+json");
  CHECK(type({"text/plain, */*"}) == "text/plain");
  CHECK(type({"text/html;q=0.1, */*;q=0.9"}) == "application/problem+json");
  CHECK(type({"text/html;q=0, text/*"}) == "text/plain");
  CHECK(type({"text/plain;charset=utf-8;q=0.9, text/html;level=1;q=0.8"}) == "text/plain");
}

TEST_CASE("chooses no type for absent, empty, only wildcard or unknown Accept") {
  CHECK(type({}) == "none");
  CHECK(type({""}) == "none");
  CHECK(type({"*/*"}) == "none");
  CHECK(type({"*/*;q=0.1"}) == "none");
  CHECK(type({"image/webp, */*;q=0.8"}) == "none");
  CHECK(type({"image/png"}) == "none");
  CHECK(type({"text/html;q=0"}) == "none");
  CHECK(type({"*"}) == "none");
}

TEST_CASE("ignores ranges that are not well-formed") {
  for (const char* value :
       {"text/html;q=2", "text/html;q=1.001", "text/html;q=0.1234", "text/html;q=", "text/html;q=-1", "text/html;q=.5",
        "text/html;q=1e0", "text", "/", "text/", "/html", ";q=1", "text/html/x", "*/html", "text/html;q=0.5x"}) {
    INFO(value);
    CHECK(type({value}) == "none");
    CHECK(type({std::string(value) + ", text/plain;q=0.1"}) == "text/plain");
  }
  CHECK(type({"text/html;q=1.000"}) == "text/html");
  CHECK(type({"text/html ; Q=0.5 ;x"}) == "text/html");
  CHECK(type({"text/html;q=0., text/plain"}) == "text/plain");
}

TEST_CASE("chooses a language by lookup") {
  CHECK(language({"de-CH, de;q=0.9, en;q=0.8"}) == "de-ch");
  CHECK(language({"de-AT, en;q=0.8"}) == "de");
  CHECK(language({"de-DE-1996"}) == "de");
  CHECK(language({"fr;q=0.4, DE;q=0.6"}) == "de");
  CHECK(language({"es, fr;q=0.1"}) == "fr");
  CHECK(language({"zh-Hant-x-private"}) == "zh-hant");
  CHECK(language({"en, de"}) == "en");
  CHECK(language({"de, en"}) == "de");
  CHECK(language({"fr", "de;q=0.5"}) == "fr");
  CHECK(language({"de;q=0, de-AT, en;q=0.1"}) == "en");
}

TEST_CASE("chooses no language where none fits") {
  CHECK(language({}) == "none");
  CHECK(language({""}) == "none");
  CHECK(language({"*"}) == "none");
  CHECK(language({"es"}) == "none");
  CHECK(language({"zh"}) == "none");
  CHECK(language({"de;q=0"}) == "none");
  CHECK(language({"deu"}) == "none");
  CHECK(language({"-"}) == "none");
  CHECK(language({"-de"}) == "none");
}

TEST_CASE("hostile lists are read in bounded time and memory") {
  std::string commas(32 << 10, ',');
  std::string dashes = "de";
  while (dashes.size() < (32 << 10)) dashes += "-a";
  std::string semicolons = "text/html" + std::string(32 << 10, ';');
  std::string ranges;
  while (ranges.size() < (32 << 10)) ranges += "a,";
  for (const std::string& text : {commas, dashes, ranges, semicolons}) {
    language({text});
    type({text});
  }
  CHECK(language({dashes}) == "none");
  CHECK(type({semicolons}) == "text/html");
  std::vector<std::string_view> many(100, "x/y");
  FieldList fields;
  fields.add("Accept", "x/y");
  CHECK(negotiate_type(fields, many.data(), many.size()) == std::optional<size_t>(0));
}

}  // namespace halfdoor::test
