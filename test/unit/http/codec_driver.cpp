#include "codec_driver.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>

namespace halfdoor::test {
namespace {

std::string_view name_of(BodyFraming framing) {
  switch (framing) {
    case BodyFraming::none: return "none";
    case BodyFraming::length: return "length";
    case BodyFraming::chunked: return "chunked";
    case BodyFraming::until_close: return "until close";
  }
  return "?";
}

std::string describe_fields(const FieldList& fields) {
  std::string text;
  for (const Field& field : fields) text += fmt::format("{}: {}\n", field.name, field.value);
  return text;
}

// `read` is called with the input until it wants more or the message is over.
template <class Reader, class Head>
void drive(const Pieces& pieces, Reader& reader, const Head& head, Observation& seen) {
  bool is_over = false;
  for (const std::string_view piece : pieces) {
    const auto memory = std::make_unique<char[]>(piece.size());
    std::copy(piece.begin(), piece.end(), memory.get());
    std::string_view input(memory.get(), piece.size());
    while (!is_over) {
      const ReadEvent event = reader.read(input);
      if (event == ReadEvent::need_more) {
        REQUIRE(input.empty());
        break;
      }
      if (event == ReadEvent::head) seen.heads += describe(head);
      if (event == ReadEvent::body) {
        REQUIRE_FALSE(reader.body().empty());
        seen.body += reader.body();
      }
      if (event == ReadEvent::end) seen.end = "end";
      if (event == ReadEvent::error) {
        seen = {"", "", fmt::format("error {}: {}", reader.error().status, reader.error().what), "",
                reader.error().status};
        std::string_view more = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        REQUIRE(reader.read(more) == ReadEvent::error);
        return;
      }
      is_over = event == ReadEvent::end;
    }
    if (is_over) seen.rest += input;
  }
}

}  // namespace

std::string describe(const RequestHead& head) {
  return fmt::format(
      "{} {} 1.{}\npath {} query {}{} authority {} host {}\n{}framing {} {} keep_alive {} continue {} websocket {} "
      "trailers {}\n",
      head.method, head.target, head.minor_version, head.path, head.has_query ? "?" : "", head.query, head.authority,
      head.host, describe_fields(head.fields), name_of(head.framing), head.content_length, head.keep_alive,
      head.expects_continue, head.is_websocket_handshake, head.accepts_trailers);
}

std::string describe(const ResponseHead& head) {
  return fmt::format("1.{} {} {}\n{}framing {} {} {} keep_alive {} {}\n", head.minor_version, head.status, head.reason,
                     describe_fields(head.fields), name_of(head.framing), head.content_length, head.has_content_length,
                     head.keep_alive, head.keep_alive_timeout_s);
}

Observation observe_request(const Pieces& pieces, const MessageLimits& limits) {
  Arena arena;
  RequestHead head;
  RequestReader reader(limits);
  reader.start(arena, head);
  Observation seen;
  seen.end = "need more";
  drive(pieces, reader, head, seen);
  return seen;
}

Observation observe_response(const Pieces& pieces, ResponseSetting setting, const MessageLimits& limits) {
  Arena arena;
  ResponseHead head;
  ResponseReader reader(limits);
  reader.start(arena, head, setting.is_head, setting.upgrade_asked);
  Observation seen;
  seen.end = "need more";
  drive(pieces, reader, head, seen);
  if (setting.closes && seen.end == "need more") {
    const ReadEvent event = reader.finish();
    seen.end = event == ReadEvent::end ? "end by close" : fmt::format("error {}", reader.error().what);
    seen.status = reader.error().status;
  }
  return seen;
}

Observation observe_body(const Pieces& pieces, BodyFraming framing, uint64_t length, const BodyReader::Limits& limits) {
  struct Adapter {
    BodyReader reader;
    MessageError failure;
    ReadEvent read(std::string_view& input) {
      switch (reader.read(input)) {
        case BodyReader::Outcome::need_more: return ReadEvent::need_more;
        case BodyReader::Outcome::piece: return ReadEvent::body;
        case BodyReader::Outcome::end: return ReadEvent::end;
        case BodyReader::Outcome::error: break;
      }
      failure = {400, reader.what()};
      return ReadEvent::error;
    }
    std::string_view body() const { return reader.piece(); }
    const MessageError& error() const { return failure; }
  } adapter;
  adapter.reader.start(framing, length, limits);
  Observation seen;
  seen.end = "need more";
  drive(pieces, adapter, RequestHead(), seen);
  return seen;
}

Observation at_every_split(std::string_view bytes, const Observe& observe) {
  Observation whole = observe({bytes});
  for (size_t at = 1; at < bytes.size(); ++at) {
    INFO("split at " << at << " of " << printable(bytes));
    const Observation halves = observe({bytes.substr(0, at), bytes.substr(at)});
    if (!(halves == whole)) {
      CHECK(halves.heads == whole.heads);
      CHECK(halves.body == whole.body);
      CHECK(halves.end == whole.end);
      REQUIRE(halves.rest == whole.rest);
    }
  }
  Pieces single;
  for (size_t at = 0; at < bytes.size(); ++at) single.push_back(bytes.substr(at, 1));
  const Observation by_byte = observe(single);
  INFO("byte by byte: " << printable(bytes));
  REQUIRE(by_byte.heads == whole.heads);
  REQUIRE(by_byte.body == whole.body);
  REQUIRE(by_byte.end == whole.end);
  REQUIRE(by_byte.rest == whole.rest);
  return whole;
}

Observation request(std::string_view bytes) {
  return at_every_split(bytes, [](const Pieces& pieces) { return observe_request(pieces); });
}

Observation response(std::string_view bytes, ResponseSetting setting) {
  return at_every_split(bytes, [setting](const Pieces& pieces) { return observe_response(pieces, setting); });
}

Observation chunked(std::string_view bytes) {
  return at_every_split(bytes, [](const Pieces& pieces) { return observe_body(pieces, BodyFraming::chunked); });
}

std::string text_of(const SliceQueue& queue) {
  BlockPool pool;
  SliceQueue copy(pool);
  copy.copy_from(queue, queue.size());
  std::string text;
  while (!copy.empty()) {
    text += copy.front();
    copy.consume(copy.front().size());
  }
  return text;
}

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const bool is_printable = c >= 0x20 && c < 0x7f;
    text += is_printable ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

}  // namespace halfdoor::test
