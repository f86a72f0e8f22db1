// BodyReader and write_chunk by themselves: what is written as chunks is read back byte for byte in any fragments; what
// is read of any bytes is what the reference parser reads; the work is linear in the bytes.
#include <memory>

#include "fuzz/codec.h"

namespace halfdoor::fuzz {

namespace {

struct Seen {
  std::string body;
  BodyReader::Outcome outcome = BodyReader::Outcome::need_more;
  std::string what;
  std::string trailers;
  size_t taken = 0;

  bool operator==(const Seen&) const = default;
};

Seen read(const Pieces& pieces, BodyFraming framing, uint64_t length, const BodyReader::Limits& limits) {
  using Outcome = BodyReader::Outcome;
  BodyReader reader;
  reader.start(framing, length, limits);
  Seen seen;
  size_t calls = 0;
  size_t offered = 0;
  for (const std::string_view piece : pieces) {
    std::string_view input = piece;
    offered += piece.size();
    while (true) {
      ++calls;
      const size_t before = input.size();
      seen.outcome = reader.read(input);
      seen.taken += before - input.size();
      if (seen.outcome != Outcome::piece) break;
      require(!reader.piece().empty(), "a piece of a body is not empty");
      require(reader.piece().data() >= piece.data() &&
                  reader.piece().data() + reader.piece().size() <= piece.data() + piece.size(),
              "a piece is a view into what was taken");
      seen.body += reader.piece();
    }
    require(calls <= 2 * offered + pieces.size() + 1, "each call takes a byte or asks for more");
    if (seen.outcome == Outcome::end) {
      if (reader.has_trailers()) seen.trailers = reader.take_trailers();
      break;
    }
    if (seen.outcome == Outcome::error) {
      seen.what = reader.what();
      // How far it had read when it saw the error is its own business.
      seen.taken = 0;
      break;
    }
    require(input.empty(), "a reader that wants more has used up its input");
  }
  require(reader.is_at_end() == (seen.outcome == Outcome::end), "the end is seen once");
  return seen;
}

void check_round_trip(std::string_view body, Sequence& sequence) {
  BlockPool pool;
  SliceQueue from(pool);
  SliceQueue out(pool);
  for (const std::string_view piece : cut(body, sequence, 4000)) from.append(piece);
  while (!from.empty()) {
    const size_t most = 1 + sequence.below(body.size() + 1);
    const size_t expected = std::min(most, from.size());
    require(write_chunk(out, from, most) == expected, "a chunk takes what it may");
  }
  write_last_chunk(out);
  const std::string wire = text_of(out);
  const Seen seen = read(cut(wire, sequence), BodyFraming::chunked, 0, {});
  require(seen.outcome == BodyReader::Outcome::end && seen.taken == wire.size(), "chunks that are written are read");
  require_same(seen.body, body, "bytes in are bytes out");
}

void check_against_reference(const Seen& seen, std::string_view wire, const BodyReader::Limits& limits) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto reading = reference::read_request(head + std::string(wire), reference::Strictness::received);
  const auto why = [&] { return reading.why + "\n" + printable(wire); };
  if (seen.outcome == BodyReader::Outcome::end) {
    require(reading.outcome == reference::Outcome::complete, "chunks that are accepted are chunks to a strict parser",
            why);
    require(reading.message.size == head.size() + seen.taken, "a body ends where a strict parser ends it", why);
    require(reading.message.longest_chunk_line <= limits.chunk_line, "a chunk line over the limit is refused", why);
    require(reading.message.extension_bytes <= limits.extensions, "extensions over the limit are refused", why);
    require(reading.message.trailer_bytes <= limits.trailers, "trailers over the limit are refused", why);
    require_same(describe(fields_in(seen.trailers)), describe(reading.message.trailers), "the trailers are as sent");
    require(reading.message.trailers.size() <= limits.trailer_fields, "more trailers than the limit are refused", why);
  }
  if (seen.outcome == BodyReader::Outcome::need_more && !wire.empty()) {
    require(reading.outcome != reference::Outcome::complete, "a complete body is seen to be complete", why);
  }
  if (seen.outcome != BodyReader::Outcome::error && reading.outcome != reference::Outcome::refused) {
    require_same(seen.body, reading.message.body, "the body is what a strict parser takes for it");
  }
}

void run(std::string_view bytes) {
  Input input(bytes);
  const unsigned kind = input.choose(4);
  const BodyReader::Limits limits = choose_limits(input).of_body();
  const std::string_view wire = input.rest();
  Sequence sequence(bytes);
  if (kind == 1) return check_round_trip(wire, sequence);
  if (wire.empty()) return;
  const BodyFraming framing = kind == 2   ? BodyFraming::length
                              : kind == 3 ? BodyFraming::until_close
                                          : BodyFraming::chunked;
  const uint64_t length = kind == 2 ? sequence.below(2 * wire.size() + 2) : 0;
  const Seen whole = read({wire}, framing, length, limits);
  require(read(cut(wire, sequence), framing, length, limits) == whole, "any fragmentation is read alike");
  require(read(cut_into_bytes(wire), framing, length, limits) == whole, "single bytes are read alike");
  if (framing == BodyFraming::chunked) return check_against_reference(whole, wire, limits);
  const size_t expected = framing == BodyFraming::length ? std::min<size_t>(length, wire.size()) : wire.size();
  require_same(whole.body, wire.substr(0, expected), "bytes in are bytes out");
}

HALFDOOR_FUZZ_TARGET(body_reader, run);

}  // namespace

}  // namespace halfdoor::fuzz
