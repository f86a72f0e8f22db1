// parse(serialise(parse(x))) = parse(x): what leaves is what was understood.
#include <catch2/catch.hpp>

#include "codec_driver.h"
#include "http/semantics.h"

namespace halfdoor::test {
namespace {

// Serialises what was read, with hop-by-hop fields gone, and reads that again.
std::string reserialised(const RequestHead& original, std::string_view body) {
  RequestHead head = original;
  remove_hop_by_hop(head.fields);
  BlockPool pool;
  SliceQueue out(pool);
  write_request_head(out, head);
  std::string text = text_of(out);
  if (head.framing != BodyFraming::chunked) return text.append(body);
  SliceQueue from(pool);
  from.append(body);
  out.clear();
  write_chunk(out, from, 3);
  write_chunk(out, from, body.size());
  write_last_chunk(out);
  return text.append(text_of(out));
}

struct Understood {
  Arena arena;
  RequestHead head;
  std::string body;
  bool is_complete = false;
};

void understand(std::string_view input, Understood& understood) {
  RequestReader reader(MessageLimits{});
  reader.start(understood.arena, understood.head);
  while (true) {
    const ReadEvent event = reader.read(input);
    if (event == ReadEvent::body) understood.body += reader.body();
    if (event == ReadEvent::head || event == ReadEvent::body) continue;
    understood.is_complete = event == ReadEvent::end && input.empty();
    return;
  }
}

constexpr std::string_view kRequests[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%2Fb/;c?x=%&[]{}|\\^ HTTP/1.1\r\nX: 1\r\nHost: Salon.Example.:8080\r\nAccept: */*\r\n\r\n",
    "GET http://b:80?x HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n2\r\n, \r\n0\r\nX: "
    "1\r\n\r\n",
    "PUT /x HTTP/1.1\r\nHost: a\r\nX-Dup: 1\r\nX-Dup: 2\r\nX-Empty:\r\nX-Odd:\t\xff\xfe \r\nContent-Length: "
    "1\r\n\r\n\n",
    "DELETE /x HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close, x-gone, host\r\nX-Gone: 1\r\nTE: trailers\r\n\r\n",
    "post /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: upgrade, http2-settings\r\n\r\n",
    "PATCH /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
};

}  // namespace

TEST_CASE("a request that is written anew is understood as the same request") {
  for (const std::string_view text : kRequests) {
    INFO(printable(text));
    Understood first;
    understand(text, first);
    REQUIRE(first.is_complete);
    const std::string again = reserialised(first.head, first.body);
    INFO(printable(again));
    Understood second;
    understand(again, second);
    REQUIRE(second.is_complete);
    CHECK(second.head.method == first.head.method);
    CHECK(second.head.target == first.head.target);
    CHECK(second.head.path == first.head.path);
    CHECK(second.head.query == first.head.query);
    CHECK(second.head.has_query == first.head.has_query);
    CHECK(second.head.authority == first.head.authority);
    CHECK(second.head.host == first.head.host);
    CHECK(second.head.framing == first.head.framing);
    CHECK(second.head.content_length == first.head.content_length);
    CHECK(second.head.expects_continue == first.head.expects_continue);
    CHECK(second.body == first.body);
    CHECK(second.head.minor_version == 1);
    CHECK(second.head.keep_alive);
    CHECK_FALSE(second.head.is_websocket_handshake);
    remove_hop_by_hop(first.head.fields);
    for (const Field& field : first.head.fields) {
      const Field* const kept = second.head.fields.find(field.name);
      REQUIRE(kept != nullptr);
    }
    // From here on nothing changes any more.
    CHECK(reserialised(second.head, second.body) == again);
  }
}

TEST_CASE("a response that is written anew is understood as the same response") {
  const std::string_view responses[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.0 404 gr\xc3\xbc\xc3\x9f Gott\r\nX: 1\r\nX: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: "
      "0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x\r\nX: 1\r\n\r\n5;a\r\nhello\r\n0\r\nT: 1\r\n\r\n",
      "HTTP/1.1 204 None\r\nKeep-Alive: timeout=3\r\n\r\n",
      "HTTP/1.1 304 Same\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
  };
  RequestHead get;
  get.method = "GET";
  const auto pass = [&get](std::string_view input) {
    Arena arena;
    ResponseHead head;
    ResponseReader reader(MessageLimits{});
    reader.start(arena, head, false, false);
    REQUIRE(reader.read(input) == ReadEvent::head);
    BlockPool pool;
    SliceQueue out(pool);
    SliceQueue body(pool);
    while (reader.read(input) == ReadEvent::body) body.append(reader.body());
    remove_hop_by_hop(head.fields);
    const ResponseFraming framing = choose_response_framing(get, head, false);
    write_response_head(out, head, framing, get, "now");
    if (framing.framing == BodyFraming::chunked) {
      while (write_chunk(out, body, 4) > 0) continue;
      write_last_chunk(out);
    } else {
      out.move_from(body, body.size());
    }
    return text_of(out);
  };
  for (const std::string_view text : responses) {
    INFO(printable(text));
    const std::string once = pass(text);
    CHECK(pass(once) == once);
    const Observation before = observe_response({text});
    const Observation after = observe_response({once});
    CHECK(after.end == "end");
    CHECK(after.rest.empty());
    CHECK(after.body == before.body);
    const auto status_line = [](const Observation& seen) { return seen.heads.substr(4, seen.heads.find('\n') - 4); };
    CHECK(status_line(after) == status_line(before));
  }
}

}  // namespace halfdoor::test
