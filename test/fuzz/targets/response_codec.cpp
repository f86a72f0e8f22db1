// A server's bytes through ResponseReader and write_response_head: read alike in any fragments; what is accepted is
// what the reference parser reads, and nothing behind it; what is written for the client is strict and means the same.
#include <algorithm>

#include "fuzz/codec.h"
#include "http/semantics.h"

namespace halfdoor::fuzz {

namespace {

using reference::Outcome;
using reference::Reading;
using reference::Strictness;

void check_against_reference(const ReadResponse& read, bool was_refused, std::string_view bytes,
                             ResponseSetting setting) {
  const Reading reading = reference::read_response(bytes, {setting.is_head, setting.closes}, Strictness::received);
  const auto why = [&] { return reading.why + "\n" + printable(bytes); };
  require(reading.has_head, "a head that is accepted is one to a strict parser", why);
  const reference::Message& message = reading.message;
  require(read.head.status == message.status, "the status is as sent");
  require_same(read.head.reason, message.reason, "the reason is as sent");
  require_same(describe(fields_of(read.head.fields)), describe(message.fields), "the fields are as sent");
  if (was_refused) return;
  require(read.is_complete == (reading.outcome == Outcome::complete),
          "a message is complete when a strict parser finds it complete", why);
  if (read.is_complete) require(read.bytes == message.size, "bytes behind a message never belong to it", why);
  if (reading.outcome != Outcome::refused) {
    require_same(read.body, message.body, "the body is what a strict parser takes for it");
    require_same(describe(fields_in(read.trailers)), describe(message.trailers), "the trailers are as sent");
  }
}

std::string serialise(const ReadResponse& read, const RequestHead& request) {
  ResponseHead head = read.head;
  remove_hop_by_hop(head.fields);
  BlockPool pool;
  SliceQueue out(pool);
  if (head.is_interim()) {
    write_interim_head(out, head);
    return text_of(out);
  }
  const ResponseFraming framing = choose_response_framing(request, head, false);
  write_response_head(out, head, framing, request, "Sun, 22 Nov 2026 16:38:44 GMT");
  if (framing.framing == BodyFraming::none) {
    require(read.body.empty(), "a response that is sent without a body came without one");
    return text_of(out);
  }
  if (framing.framing != BodyFraming::chunked) return text_of(out).append(read.body);
  SliceQueue from(pool);
  from.append(read.body);
  for (size_t most = 1; !from.empty(); most *= 7) write_chunk(out, from, most);
  write_last_chunk(out, read.trailers);
  return text_of(out);
}

// What the client gets of a response that was read to its end.
void check_what_is_sent(const ReadResponse& read, const RequestHead& request) {
  if (read.head.is_interim() && request.minor_version == 0) return;
  if (read.head.status == 101) return;
  const std::string sent = serialise(read, request);
  const bool answers_head = request.method == "HEAD";
  const Reading reading = reference::read_response(sent, {answers_head, true}, Strictness::sent);
  const auto why = [&] { return reading.why + "\n" + printable(sent); };
  require(reading.outcome == Outcome::complete, "what is written is accepted by a strict parser", why);
  const reference::Message& message = reading.message;
  require(message.size == sent.size(), "what is written is one message", why);
  require(message.status == read.head.status, "the status is sent on");
  require_same(message.body, read.body, "the body is sent on as it came");
  if (message.is_chunked) {
    require_same(describe(message.trailers), describe(fields_in(read.trailers)), "trailers are sent on as they came");
  }
  require(request.minor_version == 1 || !message.is_chunked, "HTTP/1.0 never gets chunks", why);
  const bool says_close = message.has("connection") && message.values("connection").front() == "close";
  require(!message.is_until_close || says_close, "a body that ends with the connection says so", why);
  const bool has_new_host = message.has("transfer-encoding") && message.has("content-length");
  require(!has_new_host, "one framing is written", why);
  ResponseHead kept = read.head;
  remove_hop_by_hop(kept.fields);
  const auto is_written_anew = [](const reference::Field& field) {
    return field.name == "content-length" || field.name == "transfer-encoding" || field.name == "connection" ||
           field.name == "date";
  };
  std::vector<reference::Field> before = fields_of(kept.fields);
  std::vector<reference::Field> after = message.fields;
  std::erase_if(before, is_written_anew);
  std::erase_if(after, is_written_anew);
  require_same(describe(after), describe(before), "the fields are sent on as they came, hop-by-hop ones apart");
}

void check_memory(const Pieces& pieces, ResponseSetting setting, const MessageLimits& limits) {
  Arena arena;
  ResponseHead head;
  ResponseReader reader(limits);
  const size_t before = allocated_now();
  forget_peak();
  reader.start(arena, head, setting.is_head, setting.upgrade_asked);
  size_t heads = 1;
  for (std::string_view piece : pieces) {
    bool is_over = false;
    for (ReadEvent event = ReadEvent::head; event == ReadEvent::head || event == ReadEvent::body;) {
      event = reader.read(piece);
      if (event == ReadEvent::head) ++heads;
      is_over = event == ReadEvent::end || event == ReadEvent::error;
    }
    if (is_over) break;
  }
  // Each interim head stays in the arena; how many there may be is for the caller to bound.
  require(allocated_peak() - before <= heads * memory_bound(limits),
          "reading takes no more memory than its limits allow",
          [&] { return std::to_string(allocated_peak() - before) + " bytes"; });
}

void run(std::string_view bytes) {
  Input input(bytes);
  const MessageLimits limits = choose_limits(input);
  const ResponseSetting setting{input.flag(), input.flag(), input.flag()};
  RequestHead request;
  request.method = setting.is_head ? "HEAD" : "GET";
  request.minor_version = static_cast<uint8_t>(1 - input.choose(2));
  const std::string_view wire = input.rest();
  Sequence sequence(bytes);
  const Responses whole = read_responses({wire}, setting, limits);
  const std::string said = describe(whole);
  const Pieces pieces = cut(wire, sequence);
  require_same(describe(read_responses(pieces, setting, limits)), said, "any fragmentation is read alike");
  require_same(describe(read_responses(cut_into_bytes(wire), setting, limits)), said, "single bytes are read alike");
  for (const auto& read : whole.messages) {
    if (!read->has_head) continue;
    const bool was_refused = whole.error.status != 0 && !read->is_complete;
    check_against_reference(*read, was_refused, wire.substr(read->at), setting);
    if (read->is_complete) check_what_is_sent(*read, request);
  }
  require(whole.error.status == 0 || whole.error.status == 502, "a bad response is a 502");
  check_memory(pieces, setting, limits);
}

HALFDOOR_FUZZ_TARGET(response_codec, run);

}  // namespace

}  // namespace halfdoor::fuzz
