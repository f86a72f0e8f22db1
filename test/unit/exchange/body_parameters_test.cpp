#include "exchange/body_parameters.h"

#include <catch2/catch.hpp>

namespace halfdoor {
namespace {

// The values joined by "|", "none", or "unreadable".
std::string overrides(std::string_view content_type, std::string_view body,
                      const std::vector<std::string>& further = {}) {
  FieldList fields;
  if (content_type != "-") fields.add(FieldId::content_type, "Content-Type", content_type);
  std::vector<std::string> names{"_method"};
  names.insert(names.end(), further.begin(), further.end());
  const BodyParameters parameters = find_body_parameters(fields, body, names);
  if (!parameters.is_readable) {
    CHECK(parameters.found.empty());
    return "unreadable";
  }
  if (parameters.found.empty()) return "none";
  std::string joined;
  for (const BodyParameter& found : parameters.found) {
    joined += (joined.empty() ? "" : "|") + found.value.value_or("?");
  }
  return joined;
}

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kMultipart = "multipart/form-data; boundary=xyz";

std::string part(std::string_view disposition, std::string_view data, std::string_view further = "") {
  return "--xyz\r\nContent-Disposition: " + std::string(disposition) + "\r\n" + std::string(further) + "\r\n" +
         std::string(data) + "\r\n";
}
const std::string kEnd = "--xyz--\r\n";

}  // namespace

TEST_CASE("finds_the_method_in_a_form") {
  CHECK(overrides(kForm, "") == "none");
  CHECK(overrides(kForm, "a=1&b=2") == "none");
  CHECK(overrides(kForm, "method=DELETE&a=_method") == "none");
  CHECK(overrides(kForm, "_method=DELETE") == "DELETE");
  CHECK(overrides("-", "_method=DELETE") == "DELETE");
  CHECK(overrides("application/x-www-form-urlencoded; charset=UTF-8", "a=1&_METHOD=put") == "put");
  CHECK(overrides(kForm, "%5fmethod[]=%44ELETE&_method=GET;_method") == "DELETE|GET;_method|GET|");
  CHECK(overrides(kForm, "_method=") == "");
  CHECK(overrides(kForm, "verb=PUT", {"verb"}) == "PUT");
  CHECK(overrides(kForm, "_charset_=utf-7&a=1") == "unreadable");
  CHECK(overrides("application/x-www-form-urlencoded; charset=utf-16", "a=1") == "unreadable");
  CHECK(overrides("application/x-www-form-urlencoded; charset", "a=1") == "unreadable");
  CHECK(overrides("application/x-www-form-urlencoded; charset=\"utf\\-8\"", "a=1") == "unreadable");
}

TEST_CASE("other_types_carry_no_override_and_unclear_ones_are_unreadable") {
  CHECK(overrides("text/plain", "_method=DELETE") == "none");
  CHECK(overrides("image/png", "\x89PNG") == "none");
  CHECK(overrides("", "_method=DELETE") == "unreadable");
  CHECK(overrides("text/plain, application/json", "{}") == "unreadable");
  CHECK(overrides("multipart/x-urlencoded; boundary=x", "a=1") == "unreadable");
  CHECK(overrides("multipart/json; boundary=x", "{}") == "unreadable");
  CHECK(overrides("application/json-urlencoded", "a=1") == "unreadable");
  FieldList fields;
  fields.add(FieldId::content_type, "Content-Type", kForm);
  fields.add(FieldId::content_encoding, "Content-Encoding", "gzip");
  CHECK_FALSE(find_body_parameters(fields, "a=1", {}).is_readable);
}

TEST_CASE("finds_the_method_in_a_multipart_form") {
  CHECK(overrides(kMultipart, kEnd) == "none");
  CHECK(overrides(kMultipart, "--xyz--") == "none");
  CHECK(overrides(kMultipart, part("form-data; name=\"a\"", "1") + kEnd) == "none");
  CHECK(overrides(kMultipart, part("form-data; name=\"_method\"", "DELETE") + kEnd) == "DELETE");
  CHECK(overrides(kMultipart, part("form-data; name=\"a\"", "1") + part("Form-Data; NAME=_Method", " put ") + kEnd) ==
        "put");
  CHECK(overrides(kMultipart, part("form-data; name=\"_method[]\"", "GET") + part("form-data;name=\"_method\"", "") +
                                  kEnd) == "GET|");
  CHECK(overrides(kMultipart,
                  part("form-data; name=\"_method\"; filename=\"a.txt\"", "PUT", "Content-Type: text/plain\r\n") +
                      kEnd) == "PUT");
  CHECK(overrides(kMultipart, part("form-data; name=\"f\"; filename=\"_method\"", "a\r\n\r\n_method=DELETE\r\n--xy") +
                                  kEnd) == "none");
  CHECK(overrides("multipart/form-data; boundary=\"xyz\"", part("form-data; name=\"verb\"", "PUT") + kEnd, {"verb"}) ==
        "PUT");
}

TEST_CASE("what_multipart_parsers_read_differently_is_unreadable") {
  const std::string method = part("form-data; name=\"_method\"", "DELETE");
  const std::string good = part("form-data; name=\"a\"", "1");
  REQUIRE(overrides(kMultipart, good + kEnd) == "none");
  for (const std::string& body : std::vector<std::string>{
           "",
           "a=1",
           good,
           "\r\n" + good + kEnd,
           "preamble\r\n" + good + kEnd,
           good + kEnd + "epilogue",
           good + kEnd + method + kEnd,
           good + "--xyz --\r\n",
           good + "--xyzz\r\n\r\n\r\n" + kEnd,
           "--xyz\n" + good.substr(7) + kEnd,
           part("form-data; name=\"a\"", "1\n--xyz\nx") + kEnd,
           part("form-data; name=\"a\"", "1--xyz") + kEnd,
           part("form-data; name=\"a\"", "1" + method) + kEnd,
           part("form-data; name=\"a\"", "1\n" + method) + kEnd,
           part("form-data; name=\"a\"; name=\"_method\"", "1") + kEnd,
           part("form-data; name*=utf-8''_method", "1") + kEnd,
           part("form-data; name=\"_met\\hod\"", "1") + kEnd,
           part("form-data; name=\"a", "1") + kEnd,
           part("form-data; name=a b", "1") + kEnd,
           part("form-data", "1") + kEnd,
           part("attachment; name=\"a\"", "1") + kEnd,
           part("form-data; name=\"a\" x", "1") + kEnd,
           part("form-data; name=\"a\"", "1", " folded: x\r\n") + kEnd,
           part("form-data; name=\"a\"", "1", "no colon\r\n") + kEnd,
           part("form-data; name=\"a\"", "1", "Content-Disposition: form-data; name=\"_method\"\r\n") + kEnd,
           part("form-data; name=\"a\"", "1", "Content-Type: multipart/mixed; boundary=b\r\n") + kEnd,
           part("form-data; name=\"a\"", "1", "Content-Type: text/plain; charset=utf-16\r\n") + kEnd,
           part("form-data; name=\"a\"", "1", "Content-Transfer-Encoding: base64\r\n") + kEnd,
           part("form-data; name=\"a\"", "1", "X: a\nContent-Disposition: form-data; name=\"_method\"\r\n") + kEnd,
           part("form-data; name=\"_charset_\"", "utf-7") + kEnd,
           "--xyz\r\n\r\n1\r\n" + kEnd,
           "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n" + kEnd,
           "--xyz\r\n--xyz--"}) {
    INFO(body);
    CHECK(overrides(kMultipart, body) == "unreadable");
  }
  for (std::string_view type :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=xyz; boundary=b",
        "multipart/form-data; boundary=b; boundary=xyz", "multipart/form-data; boundary=\"xyz",
        "multipart/form-data; boundary=x y z", "multipart/form-data; xyz", "multipart/form-data; boundary=zyx"}) {
    INFO(type);
    CHECK(overrides(type, good + kEnd) == "unreadable");
  }
}

TEST_CASE("finds_the_method_in_json") {
  const std::string_view json = "application/json";
  CHECK(overrides(json, "{}") == "none");
  CHECK(overrides(json, R"(["_method", {"a": "_method"}])") == "none");
  CHECK(overrides(json, R"({"_method": "DELETE"})") == "DELETE");
  CHECK(overrides("application/vnd.api+json", R"({"a": 1, "_METHOD": " put "})") == "put");
  CHECK(overrides(json, R"({"_method": "GET", "_method": "DELETE"})") == "GET|DELETE");
  CHECK(overrides(json, R"({"\u005fmethod": "\u0044ELETE"})") == "DELETE");
  CHECK(overrides(json, R"({"a": {"b": [{"_method": "PUT"}]}})") == "PUT");
  CHECK(overrides(json, R"({"_method": ["DELETE"]})") == "?");
  CHECK(overrides(json, R"({"_method": {"x": "DELETE"}})") == "?");
  CHECK(overrides(json, R"({"_method": null, "b": "c"})") == "?");
  CHECK(overrides(json, R"({"_method[]": 5})") == "5");
  CHECK(overrides(json, R"({"_method": 5.0})") == "?");
  CHECK(overrides(json, R"({"verb": true})", {"verb"}) == "true");
  for (std::string_view body :
       {"", "{", "{}{}", "{} x", R"({"a": 1,})", R"({a: 1})", R"({'_method': 'PUT'})", "{\"a\": NaN}", "// x\n{}",
        "{\"a\": \"\xff\"}", "\xfe\xff{}", R"({"a": "\ud800"})", "{}\n{}"}) {
    INFO(body);
    CHECK(overrides(json, body) == "unreadable");
  }
  CHECK(overrides(json, R"({"_method": "PUT")") == "unreadable");
  using namespace std::string_view_literals;
  CHECK(overrides(json, "{}\0{\"_method\": \"PUT\"}"sv) == "unreadable");
  CHECK(overrides(json, "{}\0"sv) == "unreadable");
  const std::string deep(60'000, '[');
  CHECK(overrides(json, deep) == "unreadable");
  CHECK(overrides(json, deep + std::string(60'000, ']')) == "none");
}

}  // namespace halfdoor
