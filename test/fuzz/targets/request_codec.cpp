// A client's bytes through RequestReader and write_request_head: read alike in any fragments; what is accepted is what
// the reference parser reads; what is written for the host is strict, means the same, and is read as the same again.
#include <algorithm>

#include "fuzz/codec.h"
#include "http/semantics.h"

namespace halfdoor::fuzz {

namespace {

using reference::Outcome;
using reference::Reading;
using reference::Strictness;

void check_limits(const reference::Message& message, const MessageLimits& limits) {
  require(message.start_line_bytes <= limits.start_line, "a request line over the limit is refused");
  require(message.head_bytes <= limits.head, "a head over the limit is refused");
  require(message.fields.size() <= limits.fields, "more fields than the limit are refused");
  require(message.longest_chunk_line <= limits.chunk_line, "a chunk line over the limit is refused");
  require(message.extension_bytes <= limits.chunk_extensions, "extensions over the limit are refused");
  require(message.trailers.size() <= limits.fields, "more trailers than the limit are refused");
  require(message.trailer_bytes <= limits.head, "trailers over the limit are refused");
}

// What was accepted, beside the reference's reading of the same bytes.
void check_against_reference(const ReadRequest& read, bool was_refused, std::string_view bytes,
                             const MessageLimits& limits) {
  const Reading reading = reference::read_request(bytes, Strictness::received);
  const auto why = [&] { return reading.why + "\n" + printable(bytes); };
  require(reading.has_head, "a head that is accepted is one to a strict parser", why);
  const reference::Message& message = reading.message;
  require_same(read.head.method, message.method, "the method is as sent");
  const bool is_absolute = message.target[0] != '/' && message.target != "*";
  if (!is_absolute) require_same(read.head.target, message.target, "the target is as sent");
  require((read.head.minor_version == 0) == (message.minor_version == 0), "the version is as sent");
  std::vector<reference::Field> expected = message.fields;
  if (message.minor_version == 0) std::erase_if(expected, [](const auto& field) { return field.name == "expect"; });
  if (!is_absolute) require_same(describe(fields_of(read.head.fields)), describe(expected), "the fields are as sent");
  if (was_refused) return;
  if (!read.is_complete) {
    require(reading.outcome != Outcome::complete, "a complete message is seen to be complete", why);
    return;
  }
  require(reading.outcome == Outcome::complete, "a message that is accepted is one to a strict parser", why);
  require(read.bytes == message.size, "a message ends where a strict parser ends it", why);
  require_same(read.body, message.body, "the body is what a strict parser takes for it");
  require_same(describe(fields_in(read.trailers)), describe(message.trailers), "the trailers are as sent");
  check_limits(message, limits);
}

std::string serialise(const ReadRequest& read) {
  const RequestHead& original = read.head;
  const std::string_view body = read.body;
  RequestHead head = original;
  remove_hop_by_hop(head.fields);
  if (head.authority.empty()) head.fields.set(FieldId::host, "Host", "first.example");
  BlockPool pool;
  SliceQueue out(pool);
  write_request_head(out, head);
  if (head.framing != BodyFraming::chunked) return text_of(out).append(body);
  SliceQueue from(pool);
  from.append(body);
  for (size_t most = 1; !from.empty(); most *= 7) write_chunk(out, from, most);
  write_last_chunk(out, read.trailers);
  return text_of(out);
}

// What leaves towards the host.
void check_what_is_sent(const ReadRequest& read) {
  const std::string sent = serialise(read);
  const Reading reading = reference::read_request(sent, Strictness::sent);
  const auto why = [&] { return reading.why + "\n" + printable(sent); };
  require(reading.outcome == Outcome::complete, "what is written is accepted by a strict parser", why);
  const reference::Message& message = reading.message;
  require(message.size == sent.size(), "what is written is one message", why);
  require_same(message.method, read.head.method, "the method is sent on as it came");
  require_same(message.target, read.head.target, "the target is sent on byte for byte");
  require_same(message.body, read.body, "the body is sent on as it came");
  require_same(describe(message.trailers), describe(fields_in(read.trailers)), "trailers are sent on as they came");
  if (!read.head.authority.empty()) {
    require_same(message.values("host").front(), read.head.authority, "Host is the authority that counts");
  }
  RequestHead kept = read.head;
  remove_hop_by_hop(kept.fields);
  const auto is_host_or_framing = [](const reference::Field& field) {
    return field.name == "host" || field.name == "content-length" || field.name == "transfer-encoding";
  };
  std::vector<reference::Field> before = fields_of(kept.fields);
  std::vector<reference::Field> after = message.fields;
  std::erase_if(before, is_host_or_framing);
  std::erase_if(after, is_host_or_framing);
  require_same(describe(after), describe(before), "the fields are sent on as they came, hop-by-hop ones apart");
  for (const char* name :
       {"connection", "keep-alive", "te", "trailer", "upgrade", "proxy-connection", "http2-settings"}) {
    require(!message.has(name), "no hop-by-hop field leaves", why);
  }

  const Requests again = read_requests({sent}, {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX});
  require(again.error.status == 0 && again.messages.front()->is_complete, "what is written is read again", why);
  const ReadRequest& second = *again.messages.front();
  require_same(serialise(second), sent, "what is written, read and written stays the same");
  require(second.head.path == read.head.path && second.head.query == read.head.query &&
              second.head.has_query == read.head.has_query,
          "path and query are understood alike");
  require(read.head.authority.empty() || second.head.host == read.head.host, "the host is understood alike");
  require(second.head.has_body() == read.head.has_body(), "a body stays a body");
}

void check_memory(const Pieces& pieces, const MessageLimits& limits) {
  Arena arena;
  RequestHead head;
  RequestReader reader(limits);
  const size_t before = allocated_now();
  forget_peak();
  reader.start(arena, head);
  for (std::string_view piece : pieces) {
    while (true) {
      const ReadEvent event = reader.read(piece);
      if (event == ReadEvent::error) break;
      if (event == ReadEvent::need_more) break;
      if (event != ReadEvent::end) continue;
      head.clear();
      arena.reset();
      reader.start(arena, head);
      if (piece.empty()) break;
    }
  }
  require(allocated_peak() - before <= memory_bound(limits), "reading takes no more memory than its limits allow",
          [&] { return std::to_string(allocated_peak() - before) + " bytes"; });
}

void run(std::string_view bytes) {
  Input input(bytes);
  const MessageLimits limits = choose_limits(input);
  const std::string_view wire = input.rest();
  Sequence sequence(bytes);
  const Requests whole = read_requests({wire}, limits);
  const std::string said = describe(whole);
  const Pieces pieces = cut(wire, sequence);
  require_same(describe(read_requests(pieces, limits)), said, "any fragmentation is read alike");
  require_same(describe(read_requests(cut_into_bytes(wire), limits)), said, "single bytes are read alike");
  for (const auto& read : whole.messages) {
    if (!read->has_head) continue;
    const bool was_refused = whole.error.status != 0 && !read->is_complete;
    check_against_reference(*read, was_refused, wire.substr(read->at), limits);
    if (read->is_complete) check_what_is_sent(*read);
  }
  check_memory(pieces, limits);
}

HALFDOOR_FUZZ_TARGET(request_codec, run);

}  // namespace

}  // namespace halfdoor::fuzz
