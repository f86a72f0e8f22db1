// Lines of the access log: valid JSON for every possible byte, Apache's combined format, nothing that can be forged.
#include "worker/access_line.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "worker/access_text.h"

using namespace halfdoor;
using Json = nlohmann::json;

namespace {

struct Sample {
  RequestHead request;
  AccessRecord record;

  Sample() {
    request.method = "POST";
    request.target = "/book?x=1";
    request.authority = "www.salon.example";
    record.began_unix_ms = 1'795'377'995'007;  // 2026-11-22T20:06:35.007Z
    record.client = "192.0.2.1";
    record.request = &request;
    record.request_id = "0123abcd";
    record.service = "salon";
    record.mode = Mode::backup_readonly;
    record.epoch = 8;
    record.server = "10.9.0.1:80";
    record.side = Side::backup;
    record.is_fallback = true;
    record.attempts = 2;
    record.server_status = 201;
    record.status = 201;
    record.bytes_in = 9;
    record.bytes_out = 18'446'744'073'709'551'615U;
    record.wire_in = 100;
    record.wire_out = 1234;
    record.duration_ms = 41;
    record.wait_ms = 1;
    record.first_byte_ms = 40;
    record.outcome = Outcome::uncertain;
    record.ended_by = EndedBy::mode_switch;
    record.why = "cut at the end of failover.drain";
  }
};

std::string line_of(const AccessRecord& record, AccessFormat format = AccessFormat::json) {
  std::vector<char> room(AccessLine::kLongestBytes);
  AccessLine line(format);
  char* const end = line.write(room.data(), record);
  std::string text(room.data(), end);
  REQUIRE(text.size() <= AccessLine::kLongestBytes);
  REQUIRE(text.back() == '\n');
  REQUIRE(std::count(text.begin(), text.end(), '\n') == 1);
  return text;
}

// Read as Apache's users do: a backslash takes the next character with it.
std::vector<std::string> quoted_fields(const std::string& line) {
  std::vector<std::string> fields;
  bool is_inside = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      is_inside = !is_inside;
      if (is_inside) fields.emplace_back();
    } else if (is_inside) {
      fields.back() += line[i];
      if (line[i] == '\\') fields.back() += line[++i];
    }
  }
  return fields;
}

std::string all_bytes() {
  std::string text;
  for (int c = 0; c < 256; ++c) text += static_cast<char>(c);
  return text;
}

std::string json_text(std::string_view text, size_t most = 4096) {
  std::vector<char> room(most);
  return {room.data(), put_json_text(room.data(), text, most)};
}
std::string combined_text(std::string_view text, size_t most = 4096) {
  std::vector<char> room(most);
  return {room.data(), put_combined_text(room.data(), text, most)};
}

}  // namespace

TEST_CASE("a JSON line has every field by its name") {
  Sample sample;
  sample.request.fields.add("User-Agent", "Firefox");
  sample.request.fields.add("referer", "https://salon.example/");
  sample.request.fields.add("Referer", "https://second.example/");
  const Json line = Json::parse(line_of(sample.record));
  const Json expected = {{"time", "2026-11-22T20:06:35.007Z"},
                         {"request_id", "0123abcd"},
                         {"client", "192.0.2.1"},
                         {"service", "salon"},
                         {"mode", "backup-readonly"},
                         {"epoch", 8},
                         {"side", "backup"},
                         {"server", "10.9.0.1:80"},
                         {"fallback", true},
                         {"attempts", 2},
                         {"method", "POST"},
                         {"target", "/book?x=1"},
                         {"protocol", "HTTP/1.1"},
                         {"host", "www.salon.example"},
                         {"status", 201},
                         {"server_status", 201},
                         {"bytes_in", 9},
                         {"bytes_out", 18'446'744'073'709'551'615U},
                         {"wire_in", 100},
                         {"wire_out", 1234},
                         {"duration_ms", 41},
                         {"wait_ms", 1},
                         {"first_byte_ms", 40},
                         {"outcome", "uncertain"},
                         {"ended_by", "switch"},
                         {"why", "cut at the end of failover.drain"},
                         {"referer", "https://salon.example/"},
                         {"user_agent", "Firefox"}};
  CHECK(line == expected);
}

TEST_CASE("what is not known is null in JSON") {
  AccessRecord record;
  record.began_unix_ms = 999;
  record.client = "unix:";
  const Json line = Json::parse(line_of(record));
  CHECK(line["time"] == "1970-01-01T00:00:00.999Z");
  for (const char* name :
       {"request_id", "service", "mode", "epoch", "side", "server", "method", "target", "protocol", "host", "status",
        "server_status", "wait_ms", "first_byte_ms", "why", "referer", "user_agent"}) {
    CAPTURE(name);
    CHECK(line.at(name).is_null());
  }
  CHECK(line["fallback"] == false);
  CHECK(line["attempts"] == 0);
}

TEST_CASE("the time is right over every border of a calendar, forwards and backwards") {
  const auto [unix_ms, text] = GENERATE(table<int64_t, std::string>({
      {951'782'399'999, "2000-02-28T23:59:59.999Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {1'795'391'999'010, "2026-11-22T23:59:59.010Z"},
      {1'798'761'599'100, "2026-12-31T23:59:59.100Z"},
      {1'798'761'600'000, "2027-01-01T00:00:00.000Z"},
      {4'102'444'800'000, "2100-01-01T00:00:00.000Z"},
  }));
  std::vector<char> room(AccessLine::kLongestBytes);
  AccessLine line(AccessFormat::json);
  Sample sample;
  // Requests end in another order than they began.
  for (const int64_t before : {unix_ms + 1000, unix_ms, unix_ms - 1}) {
    sample.record.began_unix_ms = before;
    (void)line.write(room.data(), sample.record);
  }
  sample.record.began_unix_ms = unix_ms;
  char* const end = line.write(room.data(), sample.record);
  CHECK(Json::parse(room.data(), end)["time"] == text);
}

TEST_CASE("every byte in every field gives one line of valid JSON without a control character") {
  const std::string bytes =
      GENERATE(all_bytes(), std::string("\"},{\"time\":\"\n\r\n"), std::string("\\"),
               std::string("\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\xc2\x9b"), std::string("\xf0\x9f\x92"));
  Sample sample;
  sample.request.target = sample.request.authority = bytes;
  sample.request.fields.add("Referer", bytes);
  sample.request.fields.add("User-Agent", bytes);
  sample.record.server = sample.record.why = bytes;
  const std::string text = line_of(sample.record);
  CHECK(std::none_of(text.begin(), text.end() - 1,
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  for (const char* forged : {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xc2\x85", "\xc2\x9b"}) {
    CHECK(text.find(forged) == std::string::npos);
  }
  const Json line = Json::parse(text);
  CHECK(line.size() == 28);
  CHECK(line["epoch"] == 8);
  CHECK(line["target"] == line["user_agent"]);
}

TEST_CASE("text in JSON says what the bytes said") {
  CHECK(json_text("plain /path?with=signs&more[]=%20") == "plain /path?with=signs&more[]=%20");
  CHECK(json_text("a\"b\\c") == "a\\\"b\\\\c");
  CHECK(json_text("a\tb\r\n\x7f") == "a\\u0009b\\u000d\\u000a\\u007f");
  CHECK(json_text("M\xc3\xbcller \xf0\x9f\x92\x87 \xe2\x82\xac") == "M\xc3\xbcller \xf0\x9f\x92\x87 \xe2\x82\xac");
  CHECK(json_text("M\xfcller") == "M\\u00fcller");
  CHECK(json_text("\xc2\x80\xc2\x9f\xc2\xa0") == "\\u0080\\u009f\xc2\xa0");
  CHECK(json_text("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9") == "\xe2\x80\xa7\\u2028\\u2029");
  // Overlong, a surrogate, beyond U+10FFFF, cut short, a lone continuation, bytes that UTF-8 never has.
  CHECK(json_text("\xc0\xaf") == "\\u00c0\\u00af");
  CHECK(json_text("\xe0\x80\xaf") == "\\u00e0\\u0080\\u00af");
  CHECK(json_text("\xed\xa0\x80") == "\\u00ed\\u00a0\\u0080");
  CHECK(json_text("\xf4\x90\x80\x80") == "\\u00f4\\u0090\\u0080\\u0080");
  CHECK(json_text("\xe2\x82") == "\\u00e2\\u0082");
  CHECK(json_text("\x80") == "\\u0080");
  CHECK(json_text("\xff\xfe") == "\\u00ff\\u00fe");
}

TEST_CASE("text is escaped alike wherever it stands among plain bytes") {
  for (int c = 0; c < 256; ++c) {
    const std::string special(1, static_cast<char>(c));
    for (size_t before = 0; before < 20; ++before) {
      const std::string plain(before, 'p'), rest(19 - before, 'q');
      CAPTURE(c, before);
      CHECK(json_text(plain + special + rest) == plain + json_text(special) + rest);
      CHECK(combined_text(plain + special + rest) == plain + combined_text(special) + rest);
    }
  }
}

TEST_CASE("text that is too long is cut between characters, never over its room") {
  const std::string unit = GENERATE("a", "\"", "\xff", "\xc3\xbc", "\xf0\x9f\x92\x87", "aaaaaaaaaaaaa\x01");
  std::string text;
  while (text.size() < 1000) text += unit;
  for (const size_t most : {32, 33, 40, 99, 512}) {
    std::vector<char> room(most + 64, '#');
    char* const end = put_json_text(room.data(), text, most);
    const std::string made(room.data(), end);
    CHECK(made.size() <= most);
    CHECK(made.ends_with("..."));
    CHECK(std::all_of(room.begin() + static_cast<long>(most), room.end(), [](char c) { return c == '#'; }));
    CHECK(Json::accept("\"" + made + "\""));
    const std::string combined(room.data(), put_combined_text(room.data(), text, most));
    CHECK(combined.size() <= most);
    CHECK(combined.ends_with("..."));
  }
}

TEST_CASE("numbers are written in decimal") {
  char room[20];
  for (const uint64_t number :
       {0UL, 9UL, 10UL, 99UL, 100UL, 101UL, 999UL, 1000UL, 1234567890UL, 18446744073709551615UL}) {
    CHECK(std::string(room, put_number(room, number)) == std::to_string(number));
  }
}

TEST_CASE("the longest target that the default limit lets in is logged whole") {
  Sample sample;
  const std::string target = "/" + std::string(8191, 'x');
  sample.request.target = target;
  CHECK(Json::parse(line_of(sample.record))["target"] == target);
}

TEST_CASE("a line of the worst that limits allow still has its room") {
  Sample sample;
  const std::string huge(1 << 20, '\xff'), plain(1 << 20, 'x');
  sample.request.method = plain;
  sample.request.target = sample.request.authority = huge;
  sample.request.fields.add("Referer", huge);
  sample.request.fields.add("User-Agent", huge);
  sample.record.request_id = sample.record.client = sample.record.service = plain;
  sample.record.server = sample.record.why = huge;
  CHECK(Json::parse(line_of(sample.record)).size() == 28);
  line_of(sample.record, AccessFormat::combined);
}

TEST_CASE("a combined line is what Apache writes, with more fields behind") {
  Sample sample;
  sample.record.bytes_out = 18;
  sample.request.fields.add("Referer", "https://salon.example/");
  sample.request.fields.add("User-Agent", "Firefox/140 \"quoted\"");
  CHECK(line_of(sample.record, AccessFormat::combined) ==
        "192.0.2.1 - - [22/Nov/2026:20:06:35 +0000] \"POST /book?x=1 HTTP/1.1\" 201 18 \"https://salon.example/\" "
        "\"Firefox/140 \\\"quoted\\\"\" request_id=0123abcd service=salon mode=backup-readonly epoch=8 side=backup "
        "server=10.9.0.1:80 fallback=true attempts=2 server_status=201 bytes_in=9 wire_in=100 wire_out=1234 "
        "duration_ms=41 "
        "wait_ms=1 first_byte_ms=40 outcome=uncertain ended_by=switch host=\"www.salon.example\" "
        "why=\"cut at the end of failover.drain\"\n");
}

TEST_CASE("what is not known is a dash in combined") {
  AccessRecord record;
  record.client = "192.0.2.1";
  CHECK(line_of(record, AccessFormat::combined)
            .starts_with(
                "192.0.2.1 - - [01/Jan/1970:00:00:00 +0000] \"-\" - - \"-\" \"-\" request_id=- service=- mode=- "));
}

TEST_CASE("no request can forge a field of a combined line") {
  Sample sample;
  sample.request.minor_version = 0;
  const std::string target = "/\" 200 1 \"-\" \"-\"\r\n\\" + all_bytes();
  sample.request.target = target;
  sample.request.fields.add("Referer", target);
  sample.request.fields.add("User-Agent", target);
  const std::string text = line_of(sample.record, AccessFormat::combined);
  CHECK(std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= 0x20 && c < 0x7f; }));
  // Between quotes that are not escaped: the request, the referer, the user agent, the host, the reason.
  const std::vector<std::string> quoted = quoted_fields(text);
  REQUIRE(quoted.size() == 5);
  CHECK(quoted[0].ends_with(" HTTP/1.0"));
  CHECK(quoted[1] == quoted[2]);
  CHECK(quoted[3] == "www.salon.example");
  CHECK(text.find("HTTP/1.0\" 201 ") != std::string::npos);
}
