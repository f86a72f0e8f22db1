// Good messages with a few bytes changed, in a fixed sequence: whatever is accepted is strict and is understood the
// same way behind us, and the pieces it comes in never matter.
#include <algorithm>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "codec_driver.h"
#include "http/semantics.h"

namespace halfdoor::test {
namespace {

constexpr int kRounds = 30'000;

constexpr std::string_view kRequests[] = {
    "GET /a/b?c=d HTTP/1.1\r\nHost: salon.example\r\nAccept: */*\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: 1\r\n\r\nhello",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n",
    "PUT http://b/x HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nX: 1\r\nContent-Length: 1\r\n\r\n!",
    "GET / HTTP/1.0\r\n\r\n",
};
constexpr std::string_view kResponses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: "
    "1\r\n\r\n",
    "HTTP/1.1 204 None\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
};
constexpr std::string_view kInsertions[] = {"\r",
                                            "\n",
                                            "\r\n",
                                            " ",
                                            "\t",
                                            std::string_view("\0", 1),
                                            ":",
                                            ";",
                                            ",",
                                            "0",
                                            "1",
                                            "a",
                                            "\x7f",
                                            "\x80",
                                            "chunked",
                                            "=",
                                            "\"",
                                            "\\",
                                            "%",
                                            "/",
                                            "..",
                                            "#",
                                            "\r\n\r\n",
                                            "0\r\n\r\n",
                                            "Host: a\r\n",
                                            "Content-Length: 5\r\n",
                                            "Transfer-Encoding: chunked\r\n",
                                            "X: 1\r\n",
                                            "HTTP/1.1",
                                            "_",
                                            "-",
                                            "+"};

class Sequence {
 public:
  size_t below(size_t bound) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<size_t>(state_ >> 33U) % bound;
  }

 private:
  uint64_t state_ = 42;
};

std::string mutate(std::string text, Sequence& sequence) {
  for (size_t edits = 1 + sequence.below(3); edits > 0; --edits) {
    const size_t at = sequence.below(text.size());
    const std::string_view piece = kInsertions[sequence.below(std::size(kInsertions))];
    switch (sequence.below(4)) {
      case 0: text.erase(at, 1 + sequence.below(3)); break;
      case 1: text.replace(at, 1, piece); break;
      case 2: text.insert(at, text.substr(sequence.below(text.size()), sequence.below(20))); break;
      default: text.insert(at, piece);
    }
    if (text.empty()) text = "x";
  }
  return text;
}

Pieces cut(std::string_view text, Sequence& sequence) {
  Pieces pieces;
  while (!text.empty()) {
    const size_t bytes = 1 + sequence.below(std::min<size_t>(text.size(), 40));
    pieces.push_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return pieces;
}

// An independent and slow reading of a head that was accepted: what a strict server would insist on.
void require_strict_head(std::string_view head, bool is_request) {
  size_t hosts = 0;
  size_t lengths = 0;
  size_t codings = 0;
  std::vector<std::string> lines;
  for (size_t at = 0; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    REQUIRE(end != std::string_view::npos);
    lines.emplace_back(head.substr(at, end - at));
    at = end + 2;
  }
  REQUIRE_FALSE(lines.empty());
  for (size_t i = 0; i < lines.size(); ++i) {
    for (const char c : lines[i]) REQUIRE((c == '\t' || static_cast<unsigned char>(c) >= 0x20));
    REQUIRE(lines[i].find('\x7f') == std::string::npos);
    if (i == 0) continue;
    const size_t colon = lines[i].find(':');
    REQUIRE(colon != std::string::npos);
    REQUIRE(is_token(std::string_view(lines[i]).substr(0, colon)));
    const std::string name = to_lower(lines[i].substr(0, colon));
    if (name == "host") ++hosts;
    if (name == "content-length") {
      ++lengths;
      const std::string_view value = trim(std::string_view(lines[i]).substr(colon + 1));
      REQUIRE_FALSE(value.empty());
      REQUIRE(std::all_of(value.begin(), value.end(), is_digit));
    }
    if (name == "transfer-encoding") {
      ++codings;
      REQUIRE(iequals(trim(std::string_view(lines[i]).substr(colon + 1)), "chunked"));
    }
  }
  REQUIRE(lengths + codings <= 1);
  if (!is_request) return;
  const bool is_old = lines[0].find(" HTTP/1.0") + 9 == lines[0].size();
  REQUIRE((hosts == 1 || (hosts == 0 && is_old)));
  REQUIRE((codings == 0 || !is_old));
  REQUIRE(std::count(lines[0].begin(), lines[0].end(), ' ') == 2);
}

// What is written for the server when this was read.
std::string forwarded(std::string_view input) {
  Arena arena;
  RequestHead head;
  RequestReader reader(MessageLimits{});
  reader.start(arena, head);
  REQUIRE(reader.read(input) == ReadEvent::head);
  BlockPool pool;
  SliceQueue out(pool);
  SliceQueue body(pool);
  while (reader.read(input) == ReadEvent::body) body.append(reader.body());
  remove_hop_by_hop(head.fields);
  if (head.authority.empty()) head.fields.set(FieldId::host, "Host", "first.example");
  write_request_head(out, head);
  if (head.framing == BodyFraming::chunked) {
    write_chunk(out, body, body.size());
    write_last_chunk(out);
  } else {
    out.move_from(body, body.size());
  }
  return text_of(out);
}

}  // namespace

TEST_CASE("whatever request is accepted is strict, and is the same request when written anew") {
  Sequence sequence;
  size_t accepted = 0;
  size_t refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string text = mutate(std::string(kRequests[sequence.below(std::size(kRequests))]), sequence);
    INFO(printable(text));
    const Observation whole = observe_request({text});
    REQUIRE(observe_request(cut(text, sequence)) == whole);
    if (whole.status != 0) ++refused;
    if (whole.end != "end") continue;
    ++accepted;
    std::string_view head = text;
    if (head.starts_with("\r\n")) head.remove_prefix(2);
    require_strict_head(head.substr(0, head.find("\r\n\r\n") + 2), true);
    const std::string once = forwarded(text);
    INFO(printable(once));
    const Observation again = observe_request({once});
    REQUIRE(again.end == "end");
    REQUIRE(again.rest.empty());
    REQUIRE(again.body == whole.body);
    REQUIRE(forwarded(once) == once);
  }
  CHECK(accepted > kRounds / 50);
  CHECK(refused > kRounds / 5);
}

TEST_CASE("whatever response is accepted is strict, in whatever pieces it comes") {
  Sequence sequence;
  size_t accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string text = mutate(std::string(kResponses[sequence.below(std::size(kResponses))]), sequence);
    INFO(printable(text));
    const ResponseSetting setting{sequence.below(8) == 0, sequence.below(8) == 0, sequence.below(2) == 0};
    const Observation whole = observe_response({text}, setting);
    REQUIRE(observe_response(cut(text, sequence), setting) == whole);
    if (whole.end != "end") continue;
    ++accepted;
    require_strict_head(std::string_view(text).substr(0, text.find("\r\n\r\n") + 2), false);
  }
  CHECK(accepted > kRounds / 50);
}

}  // namespace halfdoor::test
