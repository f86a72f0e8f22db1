// A hostile server's bytes on a whole worker, split as the input says: what the client gets is well-formed or visibly
// cut, and the next request is never answered with bytes that came before it.
#include "fuzz/strict_host.h"

namespace halfdoor::fuzz {

namespace {

using reference::Outcome;
constexpr std::string_view kFresh = "a fresh answer";

// Its first connection is hostile until it has said everything; all others, and it from then on, are honest.
class HostileServer {
 public:
  HostileServer(MemoryServer& server, std::string_view bytes, Sequence& sequence) : bytes_(bytes), sequence_(sequence) {
    server.on_connect = [this](MemoryPeer& peer) {
      if (hostile_ == nullptr) hostile_ = &peer;
      peer.on_received = [this](MemoryPeer& received) { receive(received); };
    };
  }

  // The rest of what it has to say, a piece at a time.
  bool says_more() {
    if (!is_speaking_ || next_ == pieces_.size()) return false;
    hostile_->send(pieces_[next_++]);
    return true;
  }
  void finish() {
    if (hostile_ != nullptr) hostile_->finish();
  }
  bool is_used_again() const { return is_used_again_; }

 private:
  void receive(MemoryPeer& peer) {
    while (true) {
      const std::string bytes = peer.received();
      const reference::Reading reading = reference::read_request(bytes, reference::Strictness::sent);
      require(reading.outcome != Outcome::refused, "nothing that a strict parser refuses reaches a host",
              [&] { return reading.why + "\n" + printable(bytes); });
      if (reading.outcome != Outcome::complete) return;
      peer.replace_received(bytes.substr(reading.message.size));
      if (&peer == hostile_ && !is_speaking_) {
        is_speaking_ = true;
        pieces_ = cut(bytes_, sequence_, 100);
        says_more();
        continue;
      }
      if (&peer == hostile_) is_used_again_ = true;
      const std::string length = "Content-Length: " + std::to_string(kFresh.size()) + "\r\n";
      const std::string marker = "X-Fresh: " + reading.message.target + "\r\n\r\n";
      peer.send("HTTP/1.1 200 OK\r\n" + length + marker);
      if (reading.message.method != "HEAD") peer.send(kFresh);
    }
  }

  std::string_view bytes_;
  Sequence& sequence_;
  MemoryPeer* hostile_ = nullptr;
  Pieces pieces_;
  size_t next_ = 0;
  bool is_speaking_ = false;
  bool is_used_again_ = false;
};

struct Answer {
  std::vector<reference::Message> messages;  // the final one last, if it came whole
  bool is_whole = false;
};

// What came since `from`.
Answer read_answer(const SimulatedClient& client, size_t from, bool is_head) {
  std::string_view bytes = std::string_view(client.peer.received()).substr(from);
  Answer answer;
  while (!bytes.empty()) {
    const reference::Reading reading =
        reference::read_response(bytes, {is_head, client.is_over()}, reference::Strictness::sent);
    const auto why = [&] { return reading.why + "\n" + printable(bytes); };
    require(reading.outcome != Outcome::refused, "what a client gets is well-formed", why);
    if (reading.outcome == Outcome::incomplete) return answer;
    answer.messages.push_back(reading.message);
    bytes.remove_prefix(reading.message.size);
    answer.is_whole = reading.message.status >= 200;
    if (answer.is_whole) require(bytes.empty(), "one answer to one request", why);
  }
  return answer;
}

std::string make_request(unsigned kind, std::string_view target) {
  const std::string rest = " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n";
  switch (kind) {
    case 1: return "HEAD" + rest + "\r\n";
    case 2: return "POST" + rest + "Content-Length: 2\r\n\r\nhi";
    case 3: return "GET" + rest + "TE: trailers\r\nConnection: TE\r\n\r\n";
    default: return "GET" + rest + "\r\n";
  }
}

// Asked when everything that the hostile server said has been read: it must be answered freshly.
void ask_again(SimulatedWorker& worker, SimulatedClient& client, unsigned kind) {
  const size_t before = client.peer.received().size();
  client.send(make_request(kind, "/second"));
  worker.run();
  const Answer answer = read_answer(client, before, kind == 1);
  require(answer.is_whole && answer.messages.back().status == 200, "the next request is answered",
          [&] { return printable(client.peer.received()); });
  require(answer.messages.size() == 1, "the next request gets no old interim response");
  const reference::Message& message = answer.messages.back();
  require(message.values("x-fresh") == std::vector<std::string>{"/second"}, "the next request never gets old bytes",
          [&] { return printable(client.peer.received()); });
  require_same(message.body, kind == 1 ? "" : kFresh, "the next answer is whole");
}

void run(std::string_view bytes) {
  Input input(bytes);
  const unsigned kind = input.choose(4);
  const unsigned second_kind = input.choose(3);
  const bool is_small = input.flag();
  Sequence sequence(bytes);
  SimulatedWorker worker({[is_small](Config& config) {
                            config.services[0].sides[0].servers.resize(1);
                            // What may be re-sent would hide what the first server said.
                            config.services[0].failover.read_fallback = false;
                            if (!is_small) return;
                            config.limits.buffer = 64;
                            config.limits.response_head = 300;
                            config.limits.response_fields = 8;
                            config.limits.interim_responses = 2;
                          },
                          {},
                          8});
  HostileServer server(worker.primary(0), input.rest(), sequence);
  SimulatedClient& client = worker.connect("192.0.2.1:1000", 64 << 10, sequence.below(3) == 0 ? 50 : 64 << 10);
  client.send(make_request(kind, "/first"));
  worker.run();
  while (server.says_more()) {
    if (sequence.below(4) > 0) worker.run();
  }
  worker.run();
  if (sequence.below(2) == 0) {
    server.finish();
    worker.run();
  } else if (!read_answer(client, 0, kind == 1).is_whole) {
    pass_time(worker, 70'000);
  }
  const Answer first = read_answer(client, 0, kind == 1);
  const bool has_trailers = first.is_whole && !first.messages.back().trailers.empty();
  require(!has_trailers || kind == 3, "trailers are sent only to a client that takes them");
  require(first.is_whole || client.is_over(), "a request gets an answer or a close");
  if (!client.is_over()) {
    ask_again(worker, client, second_kind);
  } else {
    ask_again(worker, worker.connect(), second_kind);
  }
  client.peer.finish();
  worker.run();
  pass_time(worker, 150'000);
  check_nothing_is_left(worker);
}

HALFDOOR_FUZZ_TARGET(server_connection, run);

}  // namespace

}  // namespace halfdoor::fuzz
