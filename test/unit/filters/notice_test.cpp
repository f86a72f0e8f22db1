#include "filters/notice.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "filters/notice_text.h"
#include "test/unit/filters/filter_fixture.h"

namespace halfdoor {
namespace {

using Json = nlohmann::json;

std::string format_of(std::string_view line, std::string_view fields) {
  FilterFixture fixture;
  const RequestHead& head = fixture.receive(line, fields);
  REQUIRE(fixture.request->is_valid());
  const LocalReply reply = BuiltInNotices().refuse(fixture.context, head);
  const std::string type = values_of(reply.head.fields, "Content-Type");
  if (type == "text/html; charset=utf-8" && reply.body.starts_with("<!doctype html>")) return "html";
  if (type == "application/problem+json" && Json::accept(reply.body)) return "json";
  if (type == "text/plain; charset=utf-8" && reply.body.find('<') == std::string_view::npos) return "text";
  return "body and type differ: " + type;
}

std::string language_of(std::string_view accept_language) {
  FilterFixture fixture;
  const RequestHead& head = fixture.receive("POST /", std::string(accept_language));
  const LocalReply reply = BuiltInNotices().refuse(fixture.context, head);
  const std::string language = values_of(reply.head.fields, "Content-Language");
  for (const NoticeText& text : notice_texts()) {
    if (text.language == language && reply.body.find(text.kinds[0].title) == std::string_view::npos) return "mixed";
  }
  return language;
}

}  // namespace

TEST_CASE("a_refusal_has_the_fields_of_the_contract") {
  FilterFixture fixture;
  const RequestHead& head = fixture.receive("POST /bookings", "Accept: text/html\nAccept-Language: de\n");
  const LocalReply reply = BuiltInNotices().refuse(fixture.context, head);
  CHECK(reply.head.status == 503);
  CHECK(reply.head.reason == "Service Unavailable");
  CHECK(values_of(reply.head.fields, "Cache-Control") == "no-store");
  CHECK(values_of(reply.head.fields, "Content-Language") == "de");
  CHECK(values_of(reply.head.fields, "Vary") == "Accept, Accept-Language, Origin");
  CHECK(values_of(reply.head.fields, "Retry-After") == "120");
  CHECK(values_of(reply.head.fields, "Location") == "-");
  CHECK(values_of(reply.head.fields, "Content-Length") == "-");
  CHECK(values_of(reply.head.fields, "Access-Control-Allow-Origin") == "-");
  CHECK(reply.discards_body);
  CHECK_FALSE(reply.closes);
}

TEST_CASE("the_status_of_a_refusal_is_configured") {
  FilterFixture fixture;
  fixture.service.read_only.status = 409;
  const LocalReply reply =
      BuiltInNotices().refuse(fixture.context, fixture.receive("POST /", "Accept: application/json\n"));
  CHECK(reply.head.status == 409);
  CHECK(Json::parse(reply.body)["status"] == 409);
}

TEST_CASE("retry_after_is_jittered_and_never_early") {
  FilterFixture fixture;
  std::set<std::string> seen;
  for (uint32_t jitter : {0U, 1U << 29U, 1U << 30U, 1U << 31U, 3U << 30U, 0xffffffffU}) {
    fixture.context.jitter = jitter;
    const LocalReply reply =
        BuiltInNotices().refuse(fixture.context, fixture.receive("POST /", "Accept: application/json\n"));
    const std::string value = values_of(reply.head.fields, "Retry-After");
    CHECK(Json::parse(reply.body)["retry_after"] == std::stoi(value));
    CHECK(std::stoi(value) >= 120);
    CHECK(std::stoi(value) <= 150);
    seen.insert(value);
  }
  CHECK(seen.size() == 6);
  CHECK(seen.count("150") == 1);
  fixture.service.read_only.retry_after = Milliseconds(100);
  CHECK(values_of(BuiltInNotices().refuse(fixture.context, *fixture.context.request).head.fields, "Retry-After") ==
        "1");
}

TEST_CASE("the_format_follows_accept_then_what_kind_of_client_asks") {
  struct Row {
    std::string_view fields;
    std::string_view format;
  };
  const Row rows[] = {
      {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\n", "html"},
      {"Accept: application/xhtml+xml\n", "html"},
      {"Accept: text/*\n", "html"},
      {"Accept: application/json\n", "json"},
      {"Accept: application/problem+json\n", "json"},
      {"Accept: application/json, text/plain, */*\n", "json"},
      {"Accept: application/json, text/javascript, */*; q=0.01\n", "json"},
      {"Accept: application/*\n", "json"},
      {"Accept: text/plain\n", "text"},
      {"Accept: text/plain, text/html;q=0.5\n", "text"},
      {"Accept: text/html;q=0.1, application/json\n", "json"},
      {"Accept: text/html;q=0, text/*\n", "text"},
      {"Accept: text/html\nSec-Fetch-Dest: empty\n", "html"},
      {"", "text"},
      {"Accept: */*\n", "text"},
      {"Accept:\n", "text"},
      {"Accept: image/png\n", "text"},
      {"Accept: */*\nSec-Fetch-Dest: empty\n", "json"},
      {"Sec-Fetch-Dest: empty\nSec-Fetch-Mode: cors\n", "json"},
      {"Accept: */*\nX-Requested-With: XMLHttpRequest\n", "json"},
      {"Content-Type: application/json\nContent-Length: 2\n", "json"},
      {"Content-Type: application/vnd.api+json; charset=utf-8\nContent-Length: 2\n", "json"},
      {"Accept: */*\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document\n", "html"},
      {"Sec-Fetch-Mode: navigate\nX-Requested-With: com.example.app\n", "json"},
      {"Sec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image\n", "text"},
      {"Content-Type: application/x-www-form-urlencoded\nContent-Length: 2\n", "text"},
      {"Accept: text/html\nContent-Type: application/json\nContent-Length: 2\n", "html"},
  };
  for (const Row& row : rows) {
    INFO(row.fields);
    CHECK(format_of("POST /bookings", row.fields) == row.format);
  }
  CHECK(format_of("HEAD /bookings/5/cancel", "Accept: text/html\n") == "html");
}

TEST_CASE("the_language_follows_accept_language") {
  CHECK(language_of("") == "en");
  CHECK(language_of("Accept-Language: de-CH, en;q=0.5\n") == "de");
  CHECK(language_of("Accept-Language: FR\n") == "fr");
  CHECK(language_of("Accept-Language: en;q=0.2, es-MX\n") == "es");
  CHECK(language_of("Accept-Language: it\n") == "it");
  CHECK(language_of("Accept-Language: nl-BE\n") == "nl");
  CHECK(language_of("Accept-Language: ja, zh\n") == "en");
  CHECK(language_of("Accept-Language: ja, fr;q=0.3\n") == "fr");
  CHECK(language_of("Accept-Language: <script>\n") == "en");
}

TEST_CASE("problem_details_have_what_scripts_need") {
  FilterFixture fixture;
  fixture.state.until = fixture.state.since + std::chrono::hours(2);
  fixture.service.read_only.contact = "https://status.salon.example/?a=\"b\"";
  const RequestHead& head = fixture.receive("POST /", "Accept: application/json\n");
  Json body = Json::parse(BuiltInNotices().refuse(fixture.context, head).body);
  CHECK(body["mode"] == "backup-readonly");
  CHECK(body["since"] == "2026-11-22T16:38:44Z");
  CHECK(body["until"] == "2026-11-22T18:38:44Z");
  CHECK(body["retry_after"] == 120);
  CHECK(body["service"] == "salon");
  CHECK(body["status"] == 503);
  CHECK(body["type"] == "/.well-known/halfdoor#read-only");
  CHECK(body["title"].is_string());
  CHECK(body["detail"].is_string());
  CHECK(body["contact"] == fixture.service.read_only.contact);
  fixture.state.until.reset();
  body = Json::parse(BuiltInNotices().refuse(fixture.context, head).body);
  CHECK(body["until"].is_null());
}

TEST_CASE("a_valid_origin_may_read_the_answer") {
  const auto allowed = [](std::string_view fields) {
    FilterFixture fixture;
    FieldList list;
    add_cors_fields(fixture.receive("POST /", fields), list);
    if (list.empty()) return std::string("-");
    CHECK(values_of(list, "Access-Control-Allow-Credentials") == "true");
    CHECK(values_of(list, "Access-Control-Expose-Headers") == "Halfdoor-Mode, Retry-After");
    return values_of(list, "Access-Control-Allow-Origin");
  };
  for (std::string_view origin :
       {"https://app.example", "http://localhost:3000", "https://[2001:db8::1]:8443", "http://[::1]",
        "capacitor://localhost", "null", "https://a-b_c.example:65535", "http://10.0.0.1"}) {
    CHECK(allowed("Origin: " + std::string(origin) + "\n") == origin);
  }
  for (std::string_view origin : {"",
                                  "*",
                                  "app.example",
                                  "https://",
                                  "https:///",
                                  "https://a.example/",
                                  "https://a.example/path",
                                  "https://a b",
                                  "https://a.example:",
                                  "https://a.example:x",
                                  "https://a.example:99999",
                                  "https://a,https://b",
                                  "https://a https://b",
                                  "://a",
                                  "1http://a",
                                  "https://u@a",
                                  "https://[::1",
                                  "https://[]",
                                  "https://[::1]x",
                                  "https://\"><script>",
                                  "NULL",
                                  "https://a.example?x",
                                  "https://\xc3\xa9.example",
                                  "https:a"}) {
    INFO(origin);
    CHECK(allowed("Origin: " + std::string(origin) + "\n") == "-");
  }
  CHECK(allowed("Origin: https://a.example\nOrigin: https://b.example\n") == "-");
  CHECK(allowed("") == "-");
}

TEST_CASE("closed_has_its_own_words_for_reads_and_writes") {
  FilterFixture fixture;
  fixture.set_mode(Mode::closed);
  for (std::string_view line : {"GET /", "POST /"}) {
    const LocalReply reply =
        BuiltInNotices().refuse(fixture.context, fixture.receive(line, "Accept: application/json\n"));
    const Json body = Json::parse(reply.body);
    CHECK(body["type"] == "/.well-known/halfdoor#closed");
    CHECK(body["mode"] == "closed");
    CHECK(reply.head.status == 503);
  }
  const NoticeText& english = notice_texts()[0];
  const LocalReply page = BuiltInNotices().refuse(fixture.context, fixture.receive("GET /", "Accept: text/html\n"));
  CHECK(page.body.find(english.reload) != std::string_view::npos);
  CHECK(page.body.find(english.works_again) == std::string_view::npos);
}

TEST_CASE("an_unreachable_side_tells_reads_to_come_back_and_writes_that_nothing_was_saved") {
  FilterFixture fixture;
  fixture.set_mode(Mode::primary);
  const auto answer = [&](std::string_view line, int status) {
    return BuiltInNotices().unreachable(fixture.context, fixture.receive(line, "Accept: text/plain\n"), status);
  };
  const LocalReply read = answer("GET /", 502);
  CHECK(read.head.status == 502);
  CHECK(values_of(read.head.fields, "Retry-After") == "120");
  CHECK(read.body.find("saved") == std::string_view::npos);
  const LocalReply write = answer("POST /", 504);
  CHECK(write.head.status == 504);
  CHECK(values_of(write.head.fields, "Retry-After") == "120");
  CHECK(write.body.find("nothing was saved") != std::string_view::npos);
  CHECK_FALSE(write.discards_body);
}

TEST_CASE("an_uncertain_write_is_never_told_to_be_sent_again") {
  FilterFixture fixture;
  fixture.context.jitter = 0xffffffff;
  fixture.context.request_id = "id\"<\\>&\x01";
  for (const NoticeText& text : notice_texts()) {
    for (std::string_view type : {"text/html", "application/json", "text/plain"}) {
      const std::string fields =
          "Accept: " + std::string(type) + "\nAccept-Language: " + std::string(text.language) + "\n";
      const LocalReply reply = BuiltInNotices().uncertain(fixture.context, fixture.receive("POST /", fields), 504);
      INFO(reply.body);
      CHECK(reply.head.status == 504);
      CHECK(values_of(reply.head.fields, "Retry-After") == "-");
      CHECK(values_of(reply.head.fields, "Cache-Control") == "no-store");
      CHECK(reply.body.find(text.works_again) == std::string_view::npos);
      CHECK(reply.body.find("<script") == std::string_view::npos);
      for (std::string_view word :
           {" again", "noch einmal", "réessay", "de nouveau", "otra vez", "ancora", "nog eens", "opnieuw"}) {
        CHECK(reply.body.find(word) == std::string_view::npos);
      }
      if (type == "application/json") {
        const Json body = Json::parse(reply.body);
        CHECK(body["request_id"] == "id\"<\\>&?");
        CHECK(body["retry_after"].is_null());
        CHECK(body["type"] == "/.well-known/halfdoor#uncertain");
      } else if (type == "text/html") {
        CHECK(reply.body.find("id&quot;&lt;\\&gt;&amp;") != std::string_view::npos);
      } else {
        CHECK(reply.body.find(fixture.context.request_id) != std::string_view::npos);
      }
    }
  }
  const LocalReply english = BuiltInNotices().uncertain(fixture.context, fixture.receive("POST /", ""), 502);
  CHECK(english.head.status == 502);
  CHECK(english.body.find("We do not know whether this was saved. Look first.") != std::string_view::npos);
}

TEST_CASE("a_notice_reflects_nothing_of_the_request") {
  FilterFixture fixture;
  const std::string marker = "REFLECTED";
  std::string fields;
  for (std::string_view name :
       {"Accept", "Accept-Language", "User-Agent", "Referer", "Cookie", "Origin", "Content-Type", "X-Requested-With",
        "Sec-Fetch-Mode", "X-Forwarded-Host", "X-Request-Id"}) {
    fields += std::string(name) + ": " + marker + "\n";
  }
  const RequestHead& head = fixture.receive("POST /" + marker + "?" + marker + "=" + marker, fields);
  REQUIRE(fixture.request->is_valid());
  for (const LocalReply& reply :
       {BuiltInNotices().refuse(fixture.context, head), BuiltInNotices().unreachable(fixture.context, head, 502),
        BuiltInNotices().uncertain(fixture.context, head, 502)}) {
    CHECK(reply.body.find(marker) == std::string_view::npos);
    for (const Field& field : reply.head.fields) CHECK(field.value.find(marker) == std::string_view::npos);
  }
}

TEST_CASE("the_page_tells_since_when_until_when_and_whom_to_ask") {
  FilterFixture fixture;
  const std::string_view accept = "Accept: text/html\n";
  const auto page = [&] {
    return std::string(BuiltInNotices().refuse(fixture.context, fixture.receive("POST /", accept)).body);
  };
  std::string html = page();
  CHECK(html.find("<time datetime=\"2026-11-22T16:38:44Z\">2026-11-22 16:38 UTC</time>") != std::string::npos);
  CHECK(html.find("Expected until") == std::string::npos);
  CHECK(html.find("<a ") == std::string::npos);
  CHECK(html.find("/.well-known/halfdoor\"") != std::string::npos);
  CHECK(html.find("http://") == std::string::npos);
  CHECK(html.find("https://") == std::string::npos);
  fixture.state.until = fixture.state.since + std::chrono::hours(2);
  fixture.service.read_only.contact = "https://status.salon.example/?a=1&b=\"><script>";
  html = page();
  CHECK(html.find("Expected until <time datetime=\"2026-11-22T18:38:44Z\">") != std::string::npos);
  CHECK(html.find("href=\"https://status.salon.example/?a=1&amp;b=&quot;&gt;&lt;script&gt;\"") != std::string::npos);
  // An expectation that has passed helps nobody.
  fixture.context.wall_seconds = kSince + 7200;
  CHECK(page().find("Expected until") == std::string::npos);
}

TEST_CASE("the_page_waits_for_what_was_refused") {
  FilterFixture fixture;
  const auto waits_for = [&](Mode mode, std::string_view line) {
    fixture.set_mode(mode);
    const LocalReply reply = BuiltInNotices().refuse(fixture.context, fixture.receive(line, "Accept: text/html\n"));
    const size_t at = reply.body.find("data-until=\"");
    REQUIRE(at != std::string_view::npos);
    return reply.body.substr(at + 12, reply.body.find('"', at + 12) - at - 12);
  };
  CHECK(waits_for(Mode::backup_readonly, "POST /") == "writable");
  CHECK(waits_for(Mode::backup_readonly, "GET /bookings/5/cancel") == "writable");
  CHECK(waits_for(Mode::closed, "POST /") == "writable");
  CHECK(waits_for(Mode::closed, "GET /") == "served");
}

TEST_CASE("a_page_may_run_its_own_script_and_nothing_else") {
  FilterFixture fixture;
  const auto policy = [&](std::string_view fields) {
    const LocalReply reply = BuiltInNotices().refuse(fixture.context, fixture.receive("POST /", fields));
    CHECK(values_of(reply.head.fields, "X-Content-Type-Options") == "nosniff");
    return values_of(reply.head.fields, "Content-Security-Policy");
  };
  CHECK(policy("Accept: text/html\n").starts_with("default-src 'none';"));
  CHECK(policy("Accept: text/plain\n") == "-");
}

TEST_CASE("the_words_of_every_language_fit_every_format") {
  REQUIRE(notice_texts().size() == notice_languages().size());
  for (size_t i = 0; i < notice_texts().size(); ++i) {
    const NoticeText& text = notice_texts()[i];
    CHECK(text.language == notice_languages()[i]);
    std::vector<std::string_view> all{text.since,   text.until,       text.number, text.contact,
                                      text.waiting, text.works_again, text.reload};
    for (const NoticeWords& words : text.kinds) {
      for (std::string_view word : {words.title, words.explanation, words.advice}) all.push_back(word);
    }
    for (std::string_view words : all) {
      INFO(text.language << ": " << words);
      CHECK_FALSE(words.empty());
      CHECK(words.find_first_of("\"\\<>&'\n{}") == std::string_view::npos);
      CHECK(Json::accept("\"" + std::string(words) + "\""));
    }
  }
}

TEST_CASE("the_command_line_renders_the_same_notice") {
  FilterFixture fixture;
  for (Mode mode : kModes) {
    fixture.set_mode(mode);
    const Json body = Json::parse(render_notice(fixture.service, fixture.state, "fr-CA", NoticeFormat::json));
    CHECK(body["mode"] == to_text(mode));
    CHECK(body["status"] == 503);
    CHECK(body["retry_after"] == 120);
    CHECK((body["type"] == "/.well-known/halfdoor#closed") == (mode == Mode::closed));
  }
  fixture.set_mode(Mode::backup_readonly);
  const auto sent =
      BuiltInNotices().refuse(fixture.context, fixture.receive("POST /", "Accept: text/html\nAccept-Language: de\n"));
  CHECK(render_notice(fixture.service, fixture.state, "de", NoticeFormat::html) == sent.body);
  CHECK(render_notice(fixture.service, fixture.state, "xx", NoticeFormat::text) ==
        render_notice(fixture.service, fixture.state, "en", NoticeFormat::text));
  CHECK(parse_notice_format("html") == NoticeFormat::html);
  CHECK(parse_notice_format("json") == NoticeFormat::json);
  CHECK(parse_notice_format("text") == NoticeFormat::text);
  CHECK_FALSE(parse_notice_format("pdf"));
}

TEST_CASE("plain_errors_are_small_and_plain") {
  Arena arena;
  for (int status : {400, 404, 405, 408, 413, 414, 417, 421, 431, 500, 501, 502, 503, 504, 505}) {
    const LocalReply reply = BuiltInNotices().plain(arena, status, "what was wrong");
    CHECK(reply.head.status == status);
    CHECK(reply.body == std::to_string(status) + " " + std::string(reason_phrase(status)) + "\nwhat was wrong\n");
    CHECK(values_of(reply.head.fields, "Content-Type") == "text/plain; charset=utf-8");
    CHECK(values_of(reply.head.fields, "Cache-Control") == "no-store");
  }
  CHECK(BuiltInNotices().plain(arena, 421, "").body == "421 Misdirected Request\n");
  CHECK(BuiltInNotices().plain(arena, 405, "").head.fields.find("Allow") != nullptr);
  CHECK(BuiltInNotices().plain(arena, 400, "").head.fields.find("Allow") == nullptr);
}

}  // namespace halfdoor
